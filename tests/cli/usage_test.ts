/** Help, version and faults of the command line. */
import assert from "node:assert/strict";
import { commandTest, ok } from "../support/command_setting.ts";

const USAGE_FAULTS = [
  ["lease", "--bogus"],
  ["lease", "--constructor"],
  ["lease", "a", "b"],
  ["lease", "--port", "99999"],
  ["lease", "--port"],
  ["lease", "--ttl", "soon"],
  ["lease", "--ttl", "1m", "--pin"],
  ["lease", "a", "--name", "b"],
  ["lease", "--hold", "hard"],
  ["lease", "--env", "1X"],
  ["release"],
  ["release", "a", "--label", "k=v"],
  ["renew"],
  ["run"],
  ["run", "web"],
  ["run", "web", "--"],
  ["run", "a/web", "b/web", "--", "x"],
  ["run", "a", "b", "--port", "1", "--", "x"],
  ["run", "web", "--", "x", "{port:api}"],
  ["wait", "web", "--free", "--listening"],
  ["wait", "web", "--udp"],
  ["ls", "--state", "asleep"],
  ["ps", "--state", "asleep"],
  ["ps", "--watch"],
  ["ps", "--watch", "--json"],
  ["inspect"],
  ["free"],
  ["free", "0"],
  ["free", "web", "--udp"],
  ["inspect", "65536"],
  ["inspect", "-1"],
  ["release", "0"],
  ["release", "65536"],
  ["wait", "0"],
  ["open", "123456"],
  ["close", "65536"],
  ["renew", "65536"],
  ["env", "--format", "xml"],
  ["bogus"],
  ["toString"],
  ["config", "bogus"],
  ["lease", "--url", "ftp://x"],
  ["lease", "--state-dir", ""],
  ["service", "install", "--state-dir", "", "--dry-run"],
  ["service", "install", "--user", "--reserve-pool", "--dry-run"],
];

commandTest("a command line with a fault in it is a usage error, and asks nobody", async ({ daemon, run }) => {
  for (const args of USAGE_FAULTS) {
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

const MESSAGES = [
  ["ps --port abc", 'Cannot use "abc" for --port: must be a port from 1 to 65535'],
  ["ps --protocol sctp", 'Cannot use "sctp" for --protocol: must be tcp or udp'],
  ["ps --bogus", "Cannot use --bogus: there is no such flag; portd ps --help lists them"],
  ["ps --prt 1", "Cannot use --prt: there is no such flag; did you mean --port?"],
  ["ps web", 'Cannot use "web": portd ps takes no arguments; see portd ps --help'],
  ["ps --port", "Cannot use --port: it takes a value"],
  ["inspect 65536", 'Cannot use "65536" for NAME|PORT: must be a port from 0 to 65535, or a name'],
  ["release 65536", 'Cannot use "65536" for NAME|PORT: must be a port from 1 to 65535, or a name'],
  ["service logs x", 'Cannot use "x": portd service logs takes no arguments; see portd service logs --help'],
  ["open", "Cannot run portd open: NAME|PORT is missing; see portd open --help"],
  ["lst", 'Cannot run "lst": there is no such command; did you mean `ls`?'],
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

commandTest("a command that there is not is answered with one that it is like", async ({ run }) => {
  assert.match((await run(["lst"])).stderr, /did you mean `ls`\?/);
  assert.match((await run(["quux"])).stderr, /portd --help lists them/);
});

commandTest("portd version and --version print deno.json's version", async ({ run }) => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.deepEqual(await run(["version"]), ok(`portd ${version}\n`));
  assert.deepEqual(await run(["--version"]), ok(`${version}\n`));
  const json = JSON.parse((await run(["version", "--json"])).stdout);
  assert.deepEqual(json, { version, deno: Deno.version.deno, os: Deno.build.os, arch: Deno.build.arch });
});
