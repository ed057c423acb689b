import assert from "node:assert/strict";
import { makeNonce } from "../../src/checker/probe.ts";
import { openTemporaryListener } from "../../src/reach/listen.ts";
import { askChecker, CheckerError, readCheckerUrl } from "../../src/reach/outside.ts";
import { openChecker } from "../support/checker.ts";
import { Random } from "../support/random.ts";
import { MUTE, RawServer } from "../support/raw_server.ts";
import { freePort } from "../support/sockets.ts";

const REQUEST = { port: 80, protocol: "tcp" } as const;
const ipv4 = { family: "ipv4" } as const;

function answering(status: number, body: unknown): RawServer {
  return new RawServer(() => Promise.resolve(new Response(JSON.stringify(body), { status })));
}

async function failureOf(server: RawServer, request: Parameters<typeof askChecker>[0] = REQUEST): Promise<string> {
  const error = await askChecker(request, { url: new URL(`http://127.0.0.1:${server.port}`), ...ipv4 }).catch((e) => e);
  assert.ok(error instanceof CheckerError, String(error));
  return error.message;
}

Deno.test("a checker is asked, and its answer is what it saw", async () => {
  const port = freePort(), nonce = makeNonce();
  await using _listener = await openTemporaryListener({ protocol: "tcp", port }, nonce);
  await using checker = openChecker();
  const { elapsedMs: _, ...answer } = await askChecker({ port, protocol: "tcp", nonce }, {
    url: new URL(checker.url),
    ...ipv4,
    localAddress: "127.0.0.8",
  });
  assert.deepEqual(answer, {
    open: true,
    answered: true,
    outcome: "open",
    address: "127.0.0.8",
    port,
    protocol: "tcp",
  });
});

Deno.test("a checker is asked directly, whatever proxy the environment names", async () => {
  const names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of names) Deno.env.set(name, "http://127.0.0.1:1");
  try {
    await using checker = openChecker();
    const { outcome } = await askChecker({ port: freePort(), protocol: "tcp" }, { url: new URL(checker.url), ...ipv4 });
    assert.equal(outcome, "refused");
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
});

Deno.test("what keeps a checker from answering is said in words", async () => {
  await using checker = openChecker({ allowPrivate: false });
  const refused = await askChecker(REQUEST, { url: new URL(checker.url), ...ipv4 }).catch((error) => error);
  assert.match(refused.message, /^it refuses \(HTTP 403\): Cannot check a port of 127\.0\.0\.1/);
  const nobody = new URL(`http://127.0.0.1:${freePort()}`);
  await assert.rejects(askChecker(REQUEST, { url: nobody, ...ipv4 }), {
    name: "CheckerError",
    message: "nobody listens there",
  });
  await assert.rejects(askChecker(REQUEST, { url: nobody, family: "ipv6" }), { message: /an address of IPv4/ });
  await assert.rejects(askChecker(REQUEST, { url: nobody, ...ipv4, localAddress: "198.51.100.1" }), CheckerError);
});

Deno.test("an answer that the protocol does not promise is not used", async () => {
  const right = {
    open: true,
    answered: true,
    outcome: "open",
    address: "203.0.113.9",
    port: 80,
    protocol: "tcp",
    elapsedMs: 1,
  };
  const wrong = [
    null,
    [],
    {},
    { ...right, open: "yes" },
    { ...right, outcome: "refused" },
    { ...right, open: false, outcome: "silent" },
    { ...right, address: "evil\u001b[2J" },
    { ...right, address: undefined },
    { ...right, port: 81 },
    { ...right, protocol: "udp" },
    { ...right, elapsedMs: -1 },
    { ...right, elapsedMs: 1e400 },
  ];
  for (const body of wrong) {
    await using server = answering(200, body);
    assert.equal(await failureOf(server), "its answer is not that of a checker", JSON.stringify(body));
  }
  await using page = new RawServer(() => Promise.resolve(new Response("<html>", { status: 200 })));
  assert.equal(await failureOf(page), "what answers there is no checker (HTTP 200)");
  await using rude = answering(403, { detail: "x".repeat(10_000) });
  assert.ok((await failureOf(rude)).length < 400);
});

Deno.test("noise, a flood and a connection that ends are no answer", async () => {
  const random = new Random(1128);
  for (let i = 0; i < 50; i++) {
    await using server = new RawServer(() => Promise.resolve([random.bytes(random.int(0, 2000))]));
    assert.match(await failureOf(server), /no checker|not that of a checker|connection/);
  }
  const flood = function* () {
    while (true) yield "x".repeat(1000);
  };
  await using server = new RawServer(() => Promise.resolve(flood()));
  assert.equal(await failureOf(server), "its answer is too long");
});

Deno.test("asking ends with its signal", async () => {
  const stopping = new AbortController();
  await using server = new RawServer(() => {
    stopping.abort(new Error("enough"));
    return Promise.resolve(MUTE);
  });
  const url = new URL(`http://127.0.0.1:${server.port}`);
  await assert.rejects(askChecker(REQUEST, { url, ...ipv4, signal: stopping.signal }), { message: "enough" });
});

Deno.test("the address of a checker is http or https, without a path or a name of a user", () => {
  for (const text of ["http://a.example:7679", "https://a.example", "http://[2001:db8::1]:7679/"]) {
    assert.ok(readCheckerUrl(text), text);
  }
  for (
    const text of [
      "a.example",
      "ftp://a.example",
      "http://u@a.example",
      "http://a.example/path",
      "http://a.example?x",
      "http://",
    ]
  ) {
    assert.equal(readCheckerUrl(text), undefined, text);
  }
});
