/** Help, version and faults of the command line. */
import assert from "node:assert/strict";
import { commandTest, ok } from "../support/command_setting.ts";

/** Commands, each with arguments that it does not take. */
const USAGE_FAULTS = [
  [
    "lease",
    "--bogus",
    "--constructor",
    "a b",
    "--port 99999",
    "--port",
    "--ttl soon",
    "--ttl 1m --pin",
    "a --name b",
    "3000",
  ],
  ["lease", "--hold hard", "--env 1X", "--url ftp://x", "--state-dir "], // an empty word
  ["run", "web", "web --", "a/web b/web -- x", "a b --port 1 -- x", "web -- x {port:api}", "3000 -- x"],
  ["run", "web --name blog/web -- x"],
  ["release", "a --label k=v", "0", "65536"],
  ["renew", "65536"],
  ["wait", "web --free --listening", "web --udp", "0"],
  ["ls", "--state asleep"],
  ["ps", "--state asleep", "--watch", "--watch --json"],
  ["inspect", "65536", "-1"],
  ["free", "0", "web --udp"],
  ["open", "123456"],
  ["close", "65536"],
  ["env", "--format xml"],
  ["config", "bogus"],
  ["service", "install --state-dir  --dry-run", "install --user --reserve-pool --dry-run"],
] as const;
/** Commands whose argument is missing, and no commands. */
const LONE_WORDS = ["release", "renew", "run", "inspect", "free", "bogus", "toString"];

commandTest("a command line with a fault in it is a usage error, and asks nobody", async ({ daemon, run }) => {
  const lines = USAGE_FAULTS.flatMap(([command, ...faults]) => faults.map((fault) => [command, ...fault.split(" ")]));
  for (const args of [...lines, ...LONE_WORDS.map((word) => [word])]) {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.ok(stderr.length > 10, args.join(" "));
  }
  assert.equal(daemon.requests.length, 0);
});

const COMMANDS =
  "lease run ls ps inspect free release renew wait open close env serve stop status service doctor events export import config version"
    .split(" ");

commandTest("portd --help names every command, with examples and exit codes", async ({ run }) => {
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  for (const word of [...COMMANDS, "EXAMPLES", "PORT=$(portd lease web)", "7 timed out", "--state-dir"]) {
    assert.ok(help.stdout.includes(word), word);
  }
  assert.deepEqual(await run([]), help);
});

commandTest("every command says with --help how it is used, and asks nobody", async ({ daemon, run }) => {
  const below = ["config show", "config check", "firewall status", "firewall plan", "firewall sync"];
  for (const command of [...COMMANDS, ...below]) {
    const { code, stdout, stderr } = await run([...command.split(" "), "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.includes(`portd ${command} `), stdout);
    assert.match(stdout, /FLAGS/);
  }
  assert.equal(daemon.requests.length, 0);
});

commandTest("portd help is --help, of portd and of each command", async ({ daemon, run }) => {
  const root = await run(["--help"]);
  for (const args of [["help"], ["help", "--help"], ["help", "-h"], ["help", "help"]]) {
    assert.deepEqual(await run(args), root);
  }
  for (const command of ["ls", "lease", "release", "service install"]) {
    assert.deepEqual(await run(["help", ...command.split(" ")]), await run([...command.split(" "), "--help"]));
  }
  assert.deepEqual(await run(["help", "list"]), await run(["ls", "--help"]));
  assert.match((await run(["help", "quux"])).stderr, /Cannot run "quux": there is no such command/);
  assert.equal(daemon.requests.length, 0);
});

commandTest("help fits the terminal, with colours and without", async ({ run }) => {
  const lines = [...COMMANDS.map((name) => [name, "--help"]), ["--help"], ["service", "install", "--help"], [
    "firewall",
  ]];
  for (const columns of [60, 80]) {
    for (const words of lines) {
      const plain = (await run(words, { isTerminal: true, columns })).stdout;
      for (const line of plain.split("\n")) {
        assert.ok(line.length <= columns || !line.trim().includes(" "), `${words.join(" ")}: ${line}`);
      }
      const styled = (await run(words, { isTerminal: true, isColoured: true, columns })).stdout;
      // deno-lint-ignore no-control-regex -- codes for colours begin with one
      assert.equal(styled.replaceAll(/\x1b\[[\d;]*m/g, ""), plain);
    }
  }
  assert.match((await run(["ls", "--help"], { isTerminal: true, columns: 60 })).stdout, /\n {20}\(PORTD_STATE_DIR\)\n/);
});

const MESSAGES = [
  ["ps --port abc", 'Cannot use "abc" for --port: must be a port from 1 to 65535'],
  ["ps --protocol sctp", 'Cannot use "sctp" for --protocol: must be tcp or udp'],
  ["ps --bogus", "Cannot use --bogus: there is no such flag; portd ps --help lists them"],
  ["ps --prt 1", "Cannot use --prt: there is no such flag; did you mean --port?"],
  ["ps web", 'Cannot use "web": portd ps takes no arguments; see portd ps --help'],
  ["ps --port", "Cannot use --port: it takes a value"],
  ["lease web --port=", 'Cannot use "" for --port: must be a port from 0 to 65535'],
  ["lease web -p 3000", "Cannot use -p: there is no such flag; portd lease --help lists the flags"],
  ["inspect 65536", 'Cannot use "65536" for NAME|PORT: must be a port from 0 to 65535, or a name'],
  ["release 65536", 'Cannot use "65536" for NAME|PORT: must be a port from 1 to 65535, or a name'],
  [
    "lease 65536",
    'Cannot use "65536" for NAME: digits alone are a port, which must be from 0 to 65535; ' +
    "for a service of that name write --name 65536",
  ],
  [
    "lease 3000",
    'Cannot use "3000" for NAME: digits alone are a port; to lease that port write --port 3000, ' +
    "and for a service of that name --name 3000",
  ],
  ["service logs x", 'Cannot use "x": portd service logs takes no arguments; see portd service logs --help'],
  ["open", "Cannot run portd open: NAME|PORT is missing; see portd open --help"],
  ["lst", 'Cannot run "lst": there is no such command; did you mean `ls`?'],
  ["realese", 'Cannot run "realese": there is no such command; did you mean `release`?'],
  ["quux", 'Cannot run "quux": there is no such command; portd --help lists them'],
  [
    "--no-start ps",
    'Cannot run "--no-start": the command comes first, then its flags; portd --help lists the commands',
  ],
] as const;

commandTest("a usage error names what is wrong and what would work, with --json in JSON", async ({ run }) => {
  for (const [args, message] of MESSAGES) {
    assert.deepEqual(await run(args.split(" ")), { code: 2, stdout: "", stderr: `portd: ${message}\n` });
    const words = args.endsWith("--port") ? ["ps", "--json", "--port"] : [...args.split(" "), "--json"];
    assert.deepEqual(JSON.parse((await run(words)).stderr), { error: { code: "usage", message } });
  }
});

commandTest("a request that the daemon refuses is described by the words that were typed", async ({ daemon, run }) => {
  await daemon.grant({ name: "web", project: "shop", lifetime: { kind: "pinned" } });
  const refusals = [
    ["renew shop/web --ttl 1h", 'Cannot use --ttl: the lifetime of lease shop/web is of kind "pinned", not "ttl"'],
    ["renew shop/web --ttl 0", "Cannot use --ttl: must be from 1s to 365d, got 0ms"],
    ["run api api -- true", 'Cannot use NAME: must be a name that no other service here has, got "shop/api"'],
    ["lease --count 100000", "Cannot use --count: must be a whole number from 1 to 256, got 100000"],
    ["lease --count 2 --block 2", "Cannot use --block together with --count: leave one of them out"],
    ["lease a,b", 'Cannot use NAME: must be 1 to 64 of the characters A-Z a-z 0-9 . _ + @ -, got "a,b"'],
  ] as const;
  for (const [args, message] of refusals) {
    assert.deepEqual(await run(args.split(" ")), { code: 2, stdout: "", stderr: `portd: ${message}\n` });
  }
});

commandTest("on a terminal an error is broken at blanks, and with --json it is one line", async ({ run }) => {
  const refused = ["lease", "3000"], unknown = ["quux"], fault = ["lease", "web", "--port", "seventy-thousand"];
  for (const words of [refused, unknown, fault, ["release", "shop/a-name-that-is-too-long"]]) {
    const { stderr } = await run(words, { isTerminal: true, columns: 40 });
    assert.equal(stderr.replaceAll("\n", " "), (await run(words)).stderr.replaceAll("\n", " "));
    for (const line of stderr.split("\n")) assert.ok(line.length <= 40, line);
    assert.ok(stderr.trimEnd().includes("\n"), stderr);
    const json = (await run([...words, "--json"], { isTerminal: true, columns: 40 })).stderr;
    assert.deepEqual([json.trimEnd().includes("\n"), typeof JSON.parse(json)], [false, "object"]);
  }
});

commandTest("portd --help COMMAND prints the help of that command", async ({ run }) => {
  const help = await run(["lease", "--help"]);
  for (const first of ["--help", "-h", "help"]) assert.deepEqual(await run([first, "lease"]), help);
  assert.match((await run(["--help", "--help"])).stdout, /^portd leases the TCP and UDP ports/);
});

commandTest("the usage of portd free has all of its flags", async ({ run }) => {
  assert.match((await run(["free", "--help"])).stdout, / \[--force \[--pid PID,PID\]\] /);
});

commandTest("portd version and --version print deno.json's version", async ({ run }) => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.deepEqual(await run(["version"]), ok(`portd ${version}\n`));
  assert.deepEqual(await run(["--version"]), ok(`${version}\n`));
  const json = JSON.parse((await run(["version", "--json"])).stdout);
  assert.deepEqual(json, { version, deno: Deno.version.deno, os: Deno.build.os, arch: Deno.build.arch });
});
