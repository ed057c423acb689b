import assert from "node:assert/strict";
import type { Dial } from "../../src/checker/dial.ts";
import { makeNonce } from "../../src/checker/probe.ts";
import { openTemporaryListener } from "../../src/reach/listen.ts";
import { Arrivals } from "../support/arrivals.ts";
import { checkBytes, openChecker, send } from "../support/checker.ts";
import { freePort, listen } from "../support/sockets.ts";

const nonce = "00112233445566778899aabbccddeeff";
const OPEN: Dial = () => Promise.resolve({ outcome: "open", answered: true, elapsedMs: 1 });

Deno.test("a checker says that a port is open, to whom, and that our listener answers there", async () => {
  const port = freePort(), nonce = makeNonce();
  await using _listener = await openTemporaryListener({ protocol: "tcp", port }, nonce);
  await using checker = openChecker();
  const { status, body } = await send(checker.port, checkBytes({ port, protocol: "tcp", nonce }));
  const address = "127.0.0.1";
  assert.deepEqual([status, body], [200, {
    open: true,
    answered: true,
    outcome: "open",
    address,
    port,
    protocol: "tcp",
    elapsedMs: body.elapsedMs,
  }]);
  assert(Number.isInteger(body.elapsedMs) && body.elapsedMs >= 0);
});

Deno.test("a service of somebody else's is open and does not answer; it is sent 24 bytes", async () => {
  using server = listen();
  const serving = server.listener.accept().then(async (connection) => {
    const sent = new Uint8Array(100), length = await connection.read(sent);
    connection.close();
    return length;
  });
  await using checker = openChecker();
  const { body } = await send(checker.port, checkBytes({ port: server.port, protocol: "tcp", nonce }));
  assert.deepEqual([body.open, body.answered, body.outcome], [true, false, "open"]);
  assert.equal(await serving, 24);
});

Deno.test("without a nonce nothing is sent to a TCP port", async () => {
  using server = listen();
  const serving = server.listener.accept().then(async (connection) => {
    const length = await connection.read(new Uint8Array(100));
    connection.close();
    return length;
  });
  await using checker = openChecker();
  const { body } = await send(checker.port, checkBytes({ port: server.port, protocol: "tcp" }));
  assert.deepEqual([body.open, body.answered, await serving], [true, false, null]);
});

Deno.test("a port on which nobody listens is closed", async () => {
  await using checker = openChecker();
  const { body } = await send(checker.port, checkBytes({ port: freePort(), protocol: "tcp", nonce }));
  assert.deepEqual([body.open, body.outcome], [false, "refused"]);
});

Deno.test("a UDP port is open only where the answer comes back, and at most 64 bytes are sent to it", async () => {
  await using checker = openChecker();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const { body } = await send(checker.port, checkBytes({ port, protocol: "udp", nonce }));
  assert.deepEqual([body.open, body.answered, body.outcome], [false, false, "silent"]);
  const [[first], [second]] = [await socket.receive(), await socket.receive()];
  assert.equal(first.length + second.length, 48);
  socket.close();
});

Deno.test("an IPv4 caller of an IPv6 socket is dialled by its IPv4 address", {
  ignore: !Deno.networkInterfaces().some(({ address }) => address === "::1"),
}, async () => {
  await using checker = openChecker({ hostname: "::", dial: OPEN });
  const { body } = await send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }), { from: "127.0.0.7" });
  assert.equal(body.address, "127.0.0.7");
  assert.deepEqual(checker.dialled, [{ address: "127.0.0.7", port: 80, protocol: "tcp" }]);
});

Deno.test("callers with addresses that are not those of the internet are refused, unless they are allowed", async () => {
  await using checker = openChecker({ allowPrivate: false, dial: OPEN });
  const { status, body } = await send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }));
  assert.deepEqual([status, body.code], [403, "caller_refused"]);
  assert.deepEqual(checker.dialled, []);
});

Deno.test("who asks too often is told when to ask again", async () => {
  await using checker = openChecker({ dial: OPEN });
  const ask = (from: string) => send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }), { from });
  for (let i = 0; i < 10; i++) assert.equal((await ask("127.0.0.2")).status, 200);
  const { status, body, headers } = await ask("127.0.0.2");
  assert.deepEqual([status, body.code], [429, "too_many_checks"]);
  assert.match(headers, /^retry-after: 6$/m);
  assert.equal((await ask("127.0.0.3")).status, 200);
  checker.clock.advance(6000);
  assert.equal((await ask("127.0.0.2")).status, 200);
});

Deno.test("only so many checks run at a time, and a failure of the checker's own is not told as a closed port", async () => {
  const dials = new Arrivals<Awaited<ReturnType<Dial>>>();
  const dial: Dial = () => dials.arrive();
  await using checker = openChecker({ dial, mostOfOne: 100 });
  const asks = Array.from(
    { length: 64 },
    (_, i) => send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }), { from: `127.0.1.${i >> 3}` }),
  );
  await dials.until(64);
  const { status, body } = await send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }));
  assert.deepEqual([status, body.code], [503, "checker_busy"]);
  for (const end of dials.ends) end({ outcome: "silent", answered: false, elapsedMs: 1 });
  assert.deepEqual(new Set((await Promise.all(asks)).map(({ body }) => body.outcome)), new Set(["silent"]));
  const broken = Object.assign(new Error("Too many open files"), { code: "EMFILE" });
  await using other = openChecker({ dial: () => Promise.reject(broken) });
  assert.equal((await send(other.port, checkBytes({ port: 80, protocol: "tcp", nonce }))).body.code, "checker_busy");
});

Deno.test("what is no request for a check is refused with a problem document", async () => {
  await using checker = openChecker({ dial: OPEN });
  const right = { port: 80, protocol: "tcp", nonce };
  const text = (text: string) => new TextEncoder().encode(text);
  const cases: readonly (readonly [Uint8Array, number, string])[] = [
    [checkBytes({ ...right, address: "198.51.100.1" }), 400, "invalid_request"],
    [checkBytes({ ...right, port: 0 }), 422, "port_out_of_range"],
    [checkBytes({ ...right, port: "80" }), 400, "invalid_request"],
    [checkBytes({ ...right, protocol: "sctp" }), 400, "invalid_request"],
    [checkBytes({ port: 80, protocol: "udp" }), 400, "invalid_request"],
    [checkBytes({ ...right, nonce: nonce.toUpperCase() }), 400, "invalid_request"],
    [checkBytes({ ...right, nonce: `${nonce}00` }), 400, "invalid_request"],
    [checkBytes([right]), 400, "invalid_request"],
    [checkBytes("{"), 400, "invalid_request"],
    [checkBytes(right, { "content-type": "text/plain" }), 415, "unsupported_media_type"],
    [checkBytes(right, { "content-length": "99999999999" }), 413, "payload_too_large"],
    [checkBytes(right, { "content-length": "-1" }), 400, "invalid_request"],
    [checkBytes(right, { "transfer-encoding": "chunked" }), 400, "invalid_request"],
    [text(`GET / HTTP/1.1\r\nx: ${"a".repeat(9000)}\r\n\r\n`), 413, "payload_too_large"],
    [text("GET /v1/check HTTP/1.1\r\n\r\n"), 405, "method_not_allowed"],
    [text("OPTIONS /v1/check HTTP/1.1\r\n\r\n"), 405, "method_not_allowed"],
    [text("GET /elsewhere HTTP/1.1\r\n\r\n"), 404, "not_found"],
    [text("GET http://198.51.100.1/ HTTP/1.1\r\n\r\n"), 400, "invalid_request"],
    [text("TRACE / HTTP/1.1\r\n\r\n"), 400, "invalid_request"],
    [text("\x16\x03\x01\x02\x00\r\n\r\n"), 400, "invalid_request"],
  ];
  for (const [bytes, status, code] of cases) {
    const answer = await send(checker.port, bytes, { ends: true });
    assert.deepEqual([answer.status, answer.body?.code], [status, code], new TextDecoder().decode(bytes).slice(0, 200));
  }
  assert.deepEqual([checker.dialled, checker.faults], [[], []]);
  assert.equal((await send(checker.port, text("GET /healthz HTTP/1.1\r\n\r\n"))).body.status, "ok");
});

Deno.test("who sends slowly or not at all is cut off, and holds up nobody else", async () => {
  await using checker = openChecker({ dial: OPEN, transferMs: 1000 });
  const slow = ["", "POST", "POST /v1/check HTTP/1.1\r\n", "POST /v1/check HTTP/1.1\r\ncontent-length: 10\r\n\r\n{"];
  const answers = slow.map((text) => send(checker.port, new TextEncoder().encode(text)));
  assert.equal((await send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }))).status, 200);
  assert.deepEqual((await Promise.all(answers)).map(({ status }) => status), [0, 0, 0, 0]);
  assert.deepEqual(checker.faults, []);
});

Deno.test("an address has eight connections at most, and others still get an answer", async () => {
  await using checker = openChecker({ dial: OPEN, transferMs: 2000 });
  const idle = Array.from({ length: 20 }, () => send(checker.port, new Uint8Array([80]), { from: "127.0.0.5" }));
  const cut = await Promise.race(idle);
  assert.equal(cut.status, 0);
  assert(checker.connections.size <= 8);
  const other = await send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }), { from: "127.0.0.6" });
  assert.equal(other.status, 200);
  await Promise.all(idle);
});
