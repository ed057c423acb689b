/** Every command with a state folder, an address, a token or a setting that cannot be: one sentence, in portd's words. */
import assert from "node:assert/strict";
import { type CliOutcome, portd } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_only.ts";
import { freePort } from "../support/sockets.ts";
import { DOCUMENT } from "../support/wire.ts";

const ABOUT_LEASES = [
  "lease web",
  "run web -- true",
  "ls",
  "release web",
  "renew web",
  "wait web --timeout 1ms",
  "env",
];
const ABOUT_PORTS = ["ps", "inspect 80", "free 20417 --yes", "open 25565 --yes", "close web", "firewall status"];
const ABOUT_THE_DAEMON = ["stop", "status", "doctor", "events", "export", "import leases.yaml"];
const COMMANDS = [...ABOUT_LEASES, ...ABOUT_PORTS, ...ABOUT_THE_DAEMON].map((line) => line.split(" "));

/** Those that read the daemon's settings, or make its state folder. */
const DAEMON_COMMANDS: readonly (readonly string[])[] = [["serve"], ["serve", "--detach"], ["config", "show"]];

const LONG = `/tmp/${"x".repeat(300)}`;

type Run = (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<CliOutcome>;

/** Declares a test of commands in a folder of their own. @param declare is what declares tests. */
function folderTest(
  name: string,
  test: (run: Run, folder: string) => Promise<void>,
  declare: (name: string, run: () => Promise<void>) => void = Deno.test,
): void {
  declare(name, async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(`${folder.path}/portd.yaml`, "services:\n  web: { env: PORT }\n");
    await Deno.writeTextFile(`${folder.path}/leases.yaml`, JSON.stringify(DOCUMENT));
    const common = {
      PORTD_AUTOSTART: "0",
      PORTD_LISTEN: `127.0.0.1:${freePort()}`,
      PORTD_STATE_DIR: `${folder.path}/state`,
    };
    await test((args, env = {}) => portd(args, { cwd: folder.path, env: { ...common, ...env } }), folder.path);
  });
}

function isSentence({ code, stdout, stderr }: CliOutcome, codes: readonly number[], what: string): void {
  assert.ok(codes.includes(code), `${what}: exit code ${code}: ${stderr}`);
  assert.match(stderr, /^portd: (?:Cannot|Timed out) [^\n]+\n$/, what); // a millisecond may be over first
  assert.doesNotMatch(stderr, /os error|a fault in portd itself|undefined|\[object|^ {4}at /m, what);
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  assert.doesNotMatch(`${stdout}${stderr}`, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/, what);
}

const STATE_DIRS = { "/etc/passwd": [1], "/etc/passwd/x": [1], "/dev/null": [1], [LONG]: [1], "/tmp/a\0b": [1] };

folderTest("a state folder that cannot be is refused in portd's words, by every command", async (run) => {
  for (const [stateDir, codes] of Object.entries(STATE_DIRS)) {
    for (const args of COMMANDS) {
      const dashes = args.includes("--") ? args.indexOf("--") : args.length;
      const words = [...args.slice(0, dashes), "--state-dir", stateDir, ...args.slice(dashes)];
      isSentence(await run(words), codes, words.join(" "));
      isSentence(await run(args, { PORTD_STATE_DIR: stateDir }), codes, `${args.join(" ")} in ${stateDir}`);
    }
    for (const args of DAEMON_COMMANDS) {
      isSentence(await run([...args, "--state-dir", stateDir]), [1, 2], `${args.join(" ")} in ${stateDir}`);
    }
  }
}, linuxTest);

folderTest(
  "a state folder that cannot be made is refused in portd's words, before a daemon is started",
  async (run) => {
    for (const stateDir of ["/proc", "/proc/x", "/sys/x"]) {
      for (const args of [["lease", "web"], ["open", "25565"], ["serve"], ["serve", "--detach"]]) {
        const outcome = await run([...args, "--state-dir", stateDir], { PORTD_AUTOSTART: "1" });
        isSentence(outcome, [1, 6], `${args.join(" ")} in ${stateDir}`);
        assert.match(outcome.stderr, new RegExp(`^portd: Cannot use the state folder ${stateDir}: `));
      }
      for (const args of [["status"], ["stop"], ["doctor"], ["ls"]]) {
        isSentence(await run([...args, "--state-dir", stateDir]), [3], `${args.join(" ")} in ${stateDir}`);
      }
    }
  },
  linuxTest,
);

folderTest(
  "an address that is none is a fault of the command line, and a token that cannot be sent is not",
  async (run) => {
    const urls = ["ftp://x", "http://", "http://127.0.0.1:99999", "http://127.0.0.1:-1", "http://[::1", "x"];
    urls.push("http://a b", "http://user:secret@127.0.0.1:1", "http://127.0.0.1:1/\r\nX: y", "http://\u001b[2J");
    const port = freePort();
    for (const args of COMMANDS) {
      for (const url of urls) {
        isSentence(await run(args, { PORTD_URL: url }), [2], `${args.join(" ")} at ${url}`);
      }
      for (const token of ["a\r\nX: y", "\u001b[2J", "ü"]) {
        const env = { PORTD_URL: `http://127.0.0.1:${port}`, PORTD_TOKEN: token };
        const codes = args[0] === "wait" ? [1, 2, 3, 7] : [1, 2, 3]; // its millisecond may be over first
        isSentence(await run(args, env), codes, `${args.join(" ")} with ${JSON.stringify(token)}`);
      }
    }
  },
);

folderTest("settings of the environment that cannot be are refused, or nobody is found", async (run, folder) => {
  for (const listen of ["nonsense", ":", "127.0.0.1:99999", "[::1", "\u001b[2J:1", "a b:1", "http://x:1"]) {
    isSentence(await run(["serve"], { PORTD_LISTEN: listen }), [2], `serve at ${listen}`);
    for (const args of COMMANDS) {
      isSentence(await run(args, { PORTD_LISTEN: listen }), [2], `${args.join(" ")} at ${listen}`);
    }
  }
  for (const config of ["/nowhere", folder, "/dev/null/x"]) {
    isSentence(await run(["serve"], { PORTD_CONFIG: config }), [2], `serve with ${config}`);
  }
});

folderTest("a file that cannot be read or written is named, in portd's words", async (run, folder) => {
  const env = { PORTD_URL: `http://127.0.0.1:${freePort()}` };
  for (const file of ["/nowhere", folder, LONG, `${folder}/leases.yaml/x`]) {
    isSentence(await run(["import", file], env), [1], `import ${file}`);
  }
});
