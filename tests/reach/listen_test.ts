import assert from "node:assert/strict";
import { dial } from "../../src/checker/dial.ts";
import { answerOf, makeNonce, PROBE_BYTES, probeOf } from "../../src/checker/probe.ts";
import { PortdError } from "../../src/errors.ts";
import { type Endpoint, PROTOCOLS } from "../../src/port/port.ts";
import { openTemporaryListener } from "../../src/reach/listen.ts";
import { freePort, listen } from "../support/sockets.ts";

const ADDRESS = "127.0.0.1";

async function outcomeOf(endpoint: Endpoint, nonce: string): Promise<readonly unknown[]> {
  const { outcome, answered } = await dial({ ...endpoint, address: ADDRESS }, nonce);
  return [outcome, answered];
}

for (const protocol of PROTOCOLS) {
  Deno.test(`a temporary listener of ${protocol} answers the probe with its nonce`, async () => {
    const port = freePort(), nonce = makeNonce();
    await using listener = await openTemporaryListener({ protocol, port }, nonce);
    assert.deepEqual(await outcomeOf({ protocol, port }, nonce), ["open", true]);
    assert.equal(listener.answers, 1);
  });

  Deno.test(`a temporary listener of ${protocol} does not answer another nonce`, async () => {
    const port = freePort();
    await using listener = await openTemporaryListener({ protocol, port }, makeNonce());
    const { outcome, answered } = await dial({ protocol, port, address: ADDRESS }, makeNonce());
    assert.deepEqual([outcome, answered, listener.answers], [protocol === "tcp" ? "open" : "silent", false, 0]);
  });

  Deno.test(`nobody listens on ${protocol} when a temporary listener has ended`, async () => {
    const port = freePort(), nonce = makeNonce();
    await (await openTemporaryListener({ protocol, port }, nonce))[Symbol.asyncDispose]();
    const { outcome } = await dial({ protocol, port, address: ADDRESS }, nonce);
    assert.equal(outcome, protocol === "tcp" ? "refused" : "silent");
  });
}

Deno.test("a temporary listener is refused where somebody listens already", async () => {
  using server = listen(0, "0.0.0.0");
  const refused = openTemporaryListener({ protocol: "tcp", port: server.port }, makeNonce());
  await assert.rejects(refused, (error) => error instanceof PortdError && error.code === "port_in_use");
});

Deno.test("a temporary listener of UDP answers with no more bytes than it was sent, and nothing but its probe", async () => {
  const port = freePort(), nonce = makeNonce(), probe = probeOf(nonce);
  await using listener = await openTemporaryListener({ protocol: "udp", port }, nonce);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: ADDRESS, port: 0 });
  const to = { transport: "udp", hostname: ADDRESS, port } as const;
  const others = [
    new Uint8Array(0),
    probe.slice(1),
    new Uint8Array([...probe, 0]),
    new Uint8Array(1400),
    probeOf(makeNonce()),
  ];
  for (const bytes of others) await socket.send(bytes, to);
  await socket.send(probe, to); // the order is kept on loopback: what comes first answers this one
  const [answer] = await socket.receive();
  assert.deepEqual([answer, answer.length], [await answerOf(nonce), PROBE_BYTES]);
  assert.equal(listener.answers, 1);
  socket.close();
});

Deno.test("a temporary listener answers 64 times at most", async () => {
  const port = freePort(), nonce = makeNonce();
  await using listener = await openTemporaryListener({ protocol: "tcp", port }, nonce);
  for (let i = 0; i < 70; i++) {
    const { answered } = await dial({ protocol: "tcp", port, address: ADDRESS }, nonce);
    assert.equal(answered, i < 64);
  }
  assert.equal(listener.answers, 64);
});

Deno.test("a service that sends back what it gets is open, and is not taken for the temporary listener", async () => {
  const listener = Deno.listen({ hostname: ADDRESS, port: 0 });
  const echoing = (async () => {
    for await (const connection of listener) await connection.readable.pipeTo(connection.writable);
  })();
  const target = { protocol: "tcp", port: (listener.addr as Deno.NetAddr).port } as const;
  assert.deepEqual(await outcomeOf(target, makeNonce()), ["open", false]);
  listener.close();
  await echoing;
});

Deno.test("a temporary listener of UDP answers from each address that was asked", async () => {
  // Where the tests have a network of their own, it has this one; tests/os/check_test.ts asks others.
  const addresses = Deno.networkInterfaces().filter(({ family }) => family === "IPv4").map(({ address }) => address);
  assert.ok(addresses.includes(ADDRESS));
  const port = freePort(), nonce = makeNonce();
  await using _listener = await openTemporaryListener({ protocol: "udp", port }, nonce);
  for (const address of addresses) {
    const { answered } = await dial({ protocol: "udp", port, address }, nonce);
    assert.equal(answered, true, address);
  }
});

Deno.test("a temporary listener of UDP is refused where somebody has the port", async () => {
  const other = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  const { port } = other.addr as Deno.NetAddr;
  const refused = openTemporaryListener({ protocol: "udp", port }, makeNonce());
  await assert.rejects(refused, (error) => error instanceof PortdError && error.code === "port_in_use");
  other.close();
  await using _listener = await openTemporaryListener({ protocol: "udp", port }, makeNonce());
});
