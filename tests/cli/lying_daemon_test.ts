/** Every command that asks a daemon, against one that lies: it fails in one sentence, and reads no more than it must. */
import assert from "node:assert/strict";
import { MOST_BODY_BYTES } from "../../src/client/transport.ts";
import { proofOf } from "../../src/proof.ts";
import { type CliOutcome, FakeSignals } from "../support/cli.ts";
import { commandTest, type Setting } from "../support/command_setting.ts";
import { type FakeDaemon, TOKEN } from "../support/fake_daemon.ts";
import { type Asked, type Bytes, endless, MUTE, type Reply, respond } from "../support/raw_server.ts";
import { DOCUMENT } from "../support/wire.ts";

/** The command lines, by the file of their command; `false` where it asks no daemon for anything. */
const COMMANDS: Readonly<Record<string, readonly (readonly string[])[] | false>> = {
  agent: false,
  check: [["check", "20417"]],
  checker: false,
  close: [["close", "web"]],
  completions: false,
  config: false,
  dashboard: [["dashboard", "--print"], ["dashboard", "--print", "--json"]],
  doctor: [["doctor"]],
  env: [["env", "--format", "shell"]],
  events: [["events"], ["events", "--json"]],
  export: [["export"], ["export", "--json"]],
  firewall: [["firewall", "status"], ["firewall", "plan"], ["firewall", "sync", "--json"]],
  free: [["free", "20417", "--yes"]],
  gateway: [["gateway", "status"], ["gateway", "list", "--json"], ["gateway", "sync"]],
  import: [["import", "leases.yaml", "--partial"]],
  inspect: [["inspect", "20417"], ["inspect", "20417", "--json"]],
  lease: [["lease", "web"], ["lease", "web", "--json"], ["lease", "--count", "2", "--env", "PORT"]],
  line: [["line"], ["line", "--json"]],
  ls: [["ls"], ["ls", "--all", "--json"]],
  mcp: false,
  net: [["net"]],
  open: [["open", "web"]],
  ps: [["ps"], ["ps", "--json"]],
  release: [["release", "web"], ["release", "--label", "job=17"]],
  renew: [["renew", "web"]],
  run: [["run", "web", "--", "true"]],
  serve: false,
  service: false,
  slots: [["slots"], ["slots", "--json"]],
  status: [["status"], ["status", "--json"]],
  stop: [["stop"]],
  url: [["url", "web"]],
  openapi: false,
  version: false,
  wait: [["wait", "web"], ["wait", "20417"]],
};

/** The exit codes of commands that find something missing: nobody listens, no router answers. */
const HONEST_CODES = new Map([["check 20417", 1], ["gateway sync", 1]]);

/** The calls after which a command has done what it was asked for: what is answered then is only reported. */
const TOLERATED = new Map([["run", /^DELETE/], ["wait", /events/]]);

/** A stream of events. */
function stream(text: string): Bytes {
  return [`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${text}`];
}

const OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/** Answers that are none, whatever was asked. */
const BROKEN: Readonly<Record<string, () => Reply>> = {
  "nothing": () => [""],
  "no HTTP": () => ["SSH-2.0-OpenSSH_9.6\r\n"],
  "a head without an end": () => endless("HTTP/1.1 200 OK\r\n", `X: ${"x".repeat(1000)}\r\n`),
  "a line without an end": () => endless("HTTP/1.1 200 OK\r\nX: ", "x".repeat(1000)),
  "heads of status 1xx without an end": () => endless("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
  "101": () => ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"],
  "a redirection": () => ["HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"],
  "204": () => ["HTTP/1.1 204 No Content\r\n\r\n"],
  "a web page": () => respond("<h1>hello</h1>", { type: "text/html" }),
  "no JSON": () => respond('{"port": NaN}'),
  "null": () => respond("null"),
  "a list": () => respond("[]"),
  "an empty object": () => respond("{}"),
  "brackets": () => respond("[".repeat(200_000)),
  "half of a body": () => [`${OK}Content-Length: 100\r\n\r\n{"leases": [`],
  "a negative length": () => [`${OK}Content-Length: -1\r\n\r\n{}`],
  "a chunk of a negative size": () => [`${OK}Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n`],
  "trailers without an end": () => endless(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n`, "X: y\r\n"),
  "a refusal without words": () => respond("{}", { status: 500, type: "application/problem+json" }),
  "a refusal of no type": () =>
    respond('{"code": {}, "detail": []}', { status: 404, type: "application/problem+json" }),
  "a refusal in control characters": () =>
    respond(JSON.stringify({ code: "internal", detail: "\u001b[2J\u009b2J\u202e\n    at x (y:1:1)" }), {
      status: 500,
      type: "application/problem+json",
    }),
};

/** Declares a test of commands with a daemon that has all that they ask for, in a folder with the files that they read. */
function daemonTest(name: string, test: (setting: Setting) => Promise<void>): void {
  commandTest(name, async (setting) => {
    const { daemon, cwd, run } = setting;
    await Deno.writeTextFile(`${cwd}/portd.yaml`, "services:\n  web: { env: PORT }\n");
    await Deno.writeTextFile(`${cwd}/leases.yaml`, JSON.stringify(DOCUMENT));
    await test({
      ...setting,
      async run(args, options) {
        await prepare(daemon, { holder: { id: `cli:${cwd}`, cwd }, isListening: args[0] === "wait" });
        const signals = new FakeSignals();
        const onStdout = () => args[0] === "events" && signals.send("SIGINT");
        return await run(args, { signals, onStdout, env: { PORTD_STATE_DIR: `${cwd}/state` }, ...options });
      },
    });
  });
}

/** The lease is open to the outside, whatever the command before has done with it. */
async function prepare(
  daemon: FakeDaemon,
  { holder, isListening }: {
    readonly holder: { readonly id: string; readonly cwd: string };
    readonly isListening: boolean;
  },
): Promise<void> {
  const { table } = daemon.domain.registry;
  const before = table.byName("shop/web");
  if (before !== undefined && before.exposure !== null) return;
  if (before !== undefined) await daemon.end(before.id, "released");
  const common = {
    name: "web",
    project: "shop",
    port: 20417,
    labels: { job: "17" },
    lifetime: { kind: "pinned" },
  } as const;
  const lease = await daemon.grant({ ...common, holder, exposure: {} });
  if (isListening) await daemon.serve(lease);
}

/** No stack, no control characters, no word that only a program says. */
function checkWords({ stdout, stderr }: CliOutcome, what: string): void {
  assert.doesNotMatch(stderr, /^ {4}at /m, what);
  for (const text of [stdout, stderr]) {
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/, what);
    assert.doesNotMatch(text, /undefined|\[object|NaN(?!\})|Uncaught/, what);
  }
}

function fails(outcome: CliOutcome, what: string): void {
  checkWords(outcome, what);
  assert.ok(outcome.code > 0, `${what}: ${outcome.stdout}${outcome.stderr}`);
  assert.match(outcome.stderr, /^(?:portd: |\{"error":)[^\n]+\n/m, what);
}

Deno.test("every command is known to these tests", () => {
  const files = [...Deno.readDirSync(new URL("../../src/cli/commands/", import.meta.url))].map(({ name }) => name);
  assert.deepEqual(files.map((name) => name.replace(".ts", "")).sort(), Object.keys(COMMANDS).sort());
});

for (const [name, lines] of Object.entries(COMMANDS)) {
  for (const args of lines || []) {
    daemonTest(
      `portd ${args.join(" ")} says in a sentence that an answer cannot be used, at each of its calls`,
      async (setting) => {
        const { daemon, run } = setting;
        const calls = name === "stop" ? ["GET /v1/status", "POST /v1/stop"] : await callsOf(args, setting);
        for (const call of calls) {
          for (const [what, lie] of Object.entries(BROKEN)) {
            if (what === "204" && call.startsWith("DELETE")) continue; // there it is the answer
            daemon.fault = (asked) => textOf(asked) === call ? lie() : undefined;
            const sent = await sentBy(daemon, async () => {
              // A daemon that is away may come back: wait goes on until its time is up.
              const outcome = await run(name === "wait" ? [...args, "--timeout", "50ms"] : args);
              if (TOLERATED.get(name)?.test(call)) checkWords(outcome, `${call}: ${what}`);
              else fails(outcome, `${call}: ${what}`);
            });
            assert.ok(sent < MOST_SENT, `${call}: ${what}: ${sent} bytes`);
          }
        }
      },
    );
  }
}

/** More than any system keeps for a client that does not read. */
const MOST_SENT = 32 << 20;

/** How many bytes were sent and taken meanwhile. */
async function sentBy(daemon: FakeDaemon, act: () => Promise<void>): Promise<number> {
  const before = daemon.sent;
  await act();
  return daemon.sent - before;
}

/** What an honest daemon is asked by a command. */
async function callsOf(args: readonly string[], { daemon, run }: Setting): Promise<readonly string[]> {
  if (args[0] === "events") void daemon.whenAsked("/v1/events").then(() => daemon.grant({}));
  const outcome = await run(args);
  checkWords(outcome, args.join(" "));
  assert.equal(outcome.code, HONEST_CODES.get(args.slice(0, 2).join(" ")) ?? 0, `${outcome.stdout}${outcome.stderr}`);
  assert.ok(daemon.requests.length > 0);
  return [...new Set(daemon.requests.map(textOf))];
}

/** A request in words; the id of a lease is another one in each run. */
function textOf({ method, path }: Asked): string {
  return `${method} ${path.replace(/[0-9A-HJKMNP-TV-Z]{26}/, "ID")}`;
}

const FIRST = Object.values(COMMANDS).flatMap((lines) => lines ? [lines[0]!] : []);

/** @throws when anybody was asked for anything but a proof, or was shown the token. */
function checkTokenKept({ requests, proofs }: FakeDaemon): void {
  assert.deepEqual(requests, []);
  assert.deepEqual(proofs.filter(({ path, headers }) => `${path}${[...headers]}`.includes(TOKEN)), []);
}

daemonTest("no command sends the token to a server that does not know it", async ({ daemon, run }) => {
  const address = new URL(daemon.url).host;
  const another = await proofOf({ token: "e".repeat(64), address, nonce: "0".repeat(64) });
  daemon.proofFault = () => Response.json({ proof: another });
  for (const args of FIRST) {
    const outcome = await run(args);
    fails(outcome, args.join(" "));
    assert.equal(outcome.code, 6, args.join(" "));
  }
  checkTokenKept(daemon);
});

for (const [what, lie] of Object.entries(BROKEN)) {
  daemonTest(`no token is sent after ${what} instead of a proof`, async ({ daemon, run }) => {
    daemon.proofFault = lie;
    const outcome = await run(["stop"]);
    fails(outcome, what);
    assert.ok([3, 6].includes(outcome.code), `${outcome.code}`);
    checkTokenKept(daemon);
    assert.ok(daemon.sent < MOST_SENT, `${daemon.sent} bytes`);
  });
}

daemonTest("only a connection that breaks is a reason to ask for the proof again", async ({ daemon, run }) => {
  for (const [what, questions] of [["no HTTP", 1], ["a web page", 1], ["nothing", 20]] as const) {
    daemon.proofFault = BROKEN[what]!;
    const before = daemon.proofs.length;
    fails(await run(["status"]), what);
    assert.equal(daemon.proofs.length - before, questions, what);
  }
});

/** The client gives a daemon so much longer where it asks the firewall of the host. */
const MORE_FOR_FIREWALL_MS = 120_000;

for (const kind of ["fault", "proofFault"] as const) {
  daemonTest(`no command waits for ever for an answer that does not come (${kind})`, async ({ daemon, run }) => {
    daemon[kind] = () => MUTE;
    for (const args of FIRST) {
      const extraMs = ["firewall", "open", "check"].includes(args[0]!) ? MORE_FOR_FIREWALL_MS : 0;
      for (const answerMs of [0, 30]) {
        const outcome = await run(args, { answerMs: answerMs - extraMs });
        checkWords(outcome, args.join(" "));
        assert.equal(outcome.code, 7, `${args.join(" ")}: ${outcome.stderr}`);
      }
    }
  });
}

daemonTest("no command reads a body without an end", async ({ daemon, run }) => {
  daemon.fault = ({ path }) =>
    path === "/v1/events" ? stream(": quiet\n\n") : endless(`${OK}\r\n{"x": "`, "x".repeat(1 << 16));
  for (const args of FIRST) {
    if (args[0] === "events") continue; // its stream has none
    const sent = await sentBy(daemon, async () => fails(await run(args), args.join(" ")));
    assert.ok(sent < MOST_BODY_BYTES + MOST_SENT, `${args.join(" ")}: ${sent} bytes`);
  }
});

daemonTest("portd events reads no event without an end, in one line or in many", async ({ daemon, run }) => {
  const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  for (const piece of ["x".repeat(1000), "data: xxxx\n", "data:\n"]) {
    daemon.fault = () => endless(`${head}data: `, piece.repeat(100));
    const sent = await sentBy(daemon, async () => {
      const outcome = await run(["events"]);
      fails(outcome, piece);
      assert.match(outcome.stderr, /an event is longer than 1048576 characters/);
    });
    assert.ok(sent < MOST_SENT, `${sent} bytes`);
  }
});

daemonTest("portd ls, doctor and close do not follow a cursor that does not move", async ({ daemon, run }) => {
  daemon.fault = ({ path }) => path.startsWith("/v1/leases") ? Response.json({ leases: [], next: "abc" }) : undefined;
  for (const args of [["ls"], ["doctor"], ["close", "web"]]) {
    const before = daemon.requests.length;
    const outcome = await run(args);
    fails(outcome, args[0]!);
    assert.match(outcome.stderr, /comes back to the cursor "abc"/);
    assert.ok(daemon.requests.length - before <= 3);
  }
});

daemonTest("portd lease prints no port that is none", async ({ daemon, run }) => {
  for (const port of [-1, 0, 65536, 1.5, "20417", null]) {
    daemon.fault = async (_asked, honestly) => Response.json({ ...await (await honestly()).json(), port });
    const outcome = await run(["lease", "web"]);
    fails(outcome, String(port));
    assert.deepEqual([outcome.code, outcome.stdout], [1, ""]);
  }
});
