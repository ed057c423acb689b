/** Every command that asks a daemon, against one that lies: it fails in one sentence, and reads no more than it must. */
import assert from "node:assert/strict";
import { MOST_BODY_BYTES } from "../../src/client/transport.ts";
import { proofOf } from "../../src/proof.ts";
import { type CliOutcome, FakeSignals, portd } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type Answer, type Asked, endless, LIARS_TOKEN, LyingServer, MUTE, respond } from "../support/lying_server.ts";
import { DESCRIPTION, DOCUMENT, EVENT, FIREWALL, LEASE, OUTCOME, SOCKET, STATUS } from "../support/wire.ts";

/** The command lines, by the file of their command; `false` where it asks no daemon for anything. */
const COMMANDS: Readonly<Record<string, readonly (readonly string[])[] | false>> = {
  close: [["close", "web"]],
  config: false,
  doctor: [["doctor"]],
  env: [["env", "--format", "shell"]],
  events: [["events"], ["events", "--json"]],
  export: [["export"], ["export", "--json"]],
  firewall: [["firewall", "status"], ["firewall", "plan"], ["firewall", "sync", "--json"]],
  free: [["free", "20417", "--yes"]],
  import: [["import", "leases.yaml", "--partial"]],
  inspect: [["inspect", "20417"], ["inspect", "20417", "--json"]],
  lease: [["lease", "web"], ["lease", "web", "--json"], ["lease", "--count", "2", "--env", "PORT"]],
  ls: [["ls"], ["ls", "--all", "--json"]],
  open: [["open", "web"]],
  ps: [["ps"], ["ps", "--json"]],
  release: [["release", "web"], ["release", "--label", "job=17"]],
  renew: [["renew", "web"]],
  run: [["run", "web", "--", "true"]],
  serve: false,
  service: false,
  status: [["status"], ["status", "--json"]],
  stop: [["stop"]],
  version: false,
  wait: [["wait", "web"], ["wait", "20417"]],
};

/** The calls after which a command has done what it was asked for: what is answered then is only reported. */
const TOLERATED = new Map([["run", /^DELETE/], ["wait", /events/]]);

/** What an honest daemon answers. */
function honest({ method, path }: Asked): Answer {
  const [place = ""] = path.replace(/^\/v1/, "").split("?");
  if (place === "/events") return [...stream(`id: e-1\ndata: ${JSON.stringify(EVENT)}\n\n`), ": quiet\n\n"];
  if (method === "DELETE" && place.startsWith("/leases/") && !place.endsWith("/exposure")) {
    return ["HTTP/1.1 204 No Content\r\n\r\n"];
  }
  return respond(JSON.stringify(documentOf(method, place)));
}

function documentOf(method: string, place: string): unknown {
  if (place === "/leases" && method === "GET") return { leases: [LEASE] };
  if (place === "/leases" && method === "DELETE") return { released: [LEASE.id] };
  if (place === "/status") return STATUS;
  if (place === "/listeners") return { listeners: [SOCKET] };
  if (place.startsWith("/ports/")) return { ...DESCRIPTION, listeners: [] };
  if (place.startsWith("/firewall")) return { ...FIREWALL, difference: { add: [], change: [], remove: [] } };
  if (place === "/export") return DOCUMENT;
  if (place === "/import") return OUTCOME;
  if (place === "/stop") return { status: "stopping" };
  return LEASE;
}

/** As {@linkcode honest}, and for requests of several leases a list of them. */
function honestTo(args: readonly string[]): (asked: Asked) => Answer {
  const leases = args.includes("--count") ? [LEASE, LEASE] : args[0] === "env" ? [LEASE] : undefined;
  return (asked) =>
    leases !== undefined && asked.method === "POST" && asked.path === "/v1/leases"
      ? respond(JSON.stringify({ leases }))
      : honest(asked);
}

function stream(text: string): Answer {
  return [`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${text}`];
}

const OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/** Answers that are none, whatever was asked. */
const BROKEN: Readonly<Record<string, () => Answer>> = {
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

interface Setting {
  readonly server: LyingServer;
  readonly run: (args: readonly string[], options?: { readonly answerMs?: number }) => Promise<CliOutcome>;
}

async function withServer(test: (setting: Setting) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/portd.yaml`, "services:\n  web: { env: PORT }\n");
  await Deno.writeTextFile(`${folder.path}/leases.yaml`, JSON.stringify(DOCUMENT));
  await using server = new LyingServer(honest);
  const env = { PORTD_URL: server.url, PORTD_TOKEN: LIARS_TOKEN, PORTD_STATE_DIR: `${folder.path}/state` };
  const run = (args: readonly string[], options: { readonly answerMs?: number } = {}) => {
    const signals = new FakeSignals();
    return portd(args, {
      cwd: folder.path,
      env,
      signals,
      ...options,
      onStdout: () => args[0] === "events" && signals.send("SIGINT"),
    });
  };
  await test({ server, run });
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
    Deno.test(`portd ${args.join(" ")} says in a sentence that an answer cannot be used, at each of its calls`, () =>
      withServer(async ({ server, run }) => {
        const honestly = honestTo(args);
        const calls = name === "stop" ? ["GET /v1/status", "POST /v1/stop"] : await callsOf(args, { server, run });
        for (const call of calls) {
          for (const [what, lie] of Object.entries(BROKEN)) {
            if (what === "204" && call.startsWith("DELETE")) continue; // there it is the answer
            const isLie = (asked: Asked) => textOf(asked) === call;
            server.answer = (asked) => isLie(asked) ? lie() : honestly(asked);
            server.sent = 0;
            // A daemon that is away may come back: wait goes on until its time is up.
            const outcome = await run(name === "wait" ? [...args, "--timeout", "50ms"] : args);
            if (TOLERATED.get(name)?.test(call)) checkWords(outcome, `${call}: ${what}`);
            else fails(outcome, `${call}: ${what}`);
            assert.ok(server.sent < 32 << 20, `${call}: ${what}: ${server.sent} bytes`);
          }
        }
      }));
  }
}

/** What an honest daemon is asked by a command. */
async function callsOf(args: readonly string[], { server, run }: Setting): Promise<readonly string[]> {
  server.answer = honestTo(args);
  const outcome = await run(args);
  checkWords(outcome, args.join(" "));
  assert.equal(outcome.code, 0, `${outcome.stdout}${outcome.stderr}`);
  assert.ok(server.asked.length > 0);
  return [...new Set(server.asked.map(textOf))];
}

function textOf({ method, path }: Asked): string {
  return `${method} ${path}`;
}

const FIRST = Object.values(COMMANDS).flatMap((lines) => lines ? [lines[0]!] : []);

Deno.test("no command sends the token to a server that does not know it", () =>
  withServer(async ({ server, run }) => {
    const another = await proofOf({ token: "e".repeat(64), address: new URL(server.url).host, nonce: "0".repeat(64) });
    server.prove = () => respond(JSON.stringify({ proof: another }));
    for (const args of FIRST) {
      const outcome = await run(args);
      fails(outcome, args.join(" "));
      assert.equal(outcome.code, 6, args.join(" "));
    }
    assert.deepEqual([server.asked, server.proofs.filter(({ hasToken }) => hasToken)], [[], []]);
  }));

for (const [what, lie] of Object.entries(BROKEN)) {
  Deno.test(`no token is sent after ${what} in the place of a proof`, () =>
    withServer(async ({ server, run }) => {
      server.prove = lie;
      const outcome = await run(["stop"]);
      fails(outcome, what);
      assert.ok([3, 6].includes(outcome.code), `${outcome.code}`);
      assert.deepEqual([server.asked, server.proofs.filter(({ hasToken }) => hasToken)], [[], []]);
      assert.ok(server.sent < 32 << 20, `${server.sent} bytes`);
    }));
}

Deno.test("only a connection that breaks is a reason to ask for the proof again", () =>
  withServer(async ({ server, run }) => {
    for (const [what, questions] of [["no HTTP", 1], ["a web page", 1], ["nothing", 20]] as const) {
      server.prove = BROKEN[what]!;
      const before = server.proofs.length;
      fails(await run(["status"]), what);
      assert.equal(server.proofs.length - before, questions, what);
    }
  }));

Deno.test("no command waits for ever for an answer that does not come", () =>
  withServer(async ({ server, run }) => {
    server.answer = () => MUTE;
    for (const args of FIRST) {
      const outcome = await run(args, { answerMs: 30 });
      checkWords(outcome, args.join(" "));
      assert.equal(outcome.code, 7, args.join(" "));
    }
  }));

Deno.test("no command reads a body without an end", () =>
  withServer(async ({ server, run }) => {
    for (const args of FIRST) {
      if (args[0] === "events") continue; // its stream has none
      server.answer = ({ path }) =>
        path === "/v1/events" ? stream(": quiet\n\n") : endless(`${OK}\r\n{"x": "`, "x".repeat(1 << 16));
      server.sent = 0;
      fails(await run(args), args.join(" "));
      assert.ok(server.sent < MOST_BODY_BYTES + (32 << 20), `${args.join(" ")}: ${server.sent} bytes`);
    }
  }));

Deno.test("portd events reads no event without an end, in one line or in many", () =>
  withServer(async ({ server, run }) => {
    const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    for (const piece of ["x".repeat(1000), "data: xxxx\n", "data:\n"]) {
      server.answer = () => endless(`${head}data: `, piece.repeat(100));
      server.sent = 0;
      const outcome = await run(["events"]);
      fails(outcome, piece);
      assert.match(outcome.stderr, /an event is longer than 1048576 characters/);
      assert.ok(server.sent < 32 << 20, `${server.sent} bytes`);
    }
  }));

Deno.test("portd ls, doctor and close do not follow a cursor that does not move", () =>
  withServer(async ({ server, run }) => {
    for (const args of [["ls"], ["doctor"], ["close", "web"]]) {
      server.answer = (asked) =>
        asked.path.startsWith("/v1/leases") ? respond(JSON.stringify({ leases: [], next: "abc" })) : honest(asked);
      const before = server.asked.length;
      const outcome = await run(args);
      fails(outcome, args[0]!);
      assert.match(outcome.stderr, /comes back to the cursor "abc"/);
      assert.ok(server.asked.length - before <= 3);
    }
  }));

Deno.test("portd lease prints no port that is none", () =>
  withServer(async ({ server, run }) => {
    for (const port of [-1, 0, 65536, 1.5, "20417", null]) {
      server.answer = () => respond(JSON.stringify({ ...LEASE, port }));
      const outcome = await run(["lease", "web"]);
      fails(outcome, String(port));
      assert.deepEqual([outcome.code, outcome.stdout], [1, ""]);
    }
  }));
