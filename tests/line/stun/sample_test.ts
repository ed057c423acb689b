import assert from "node:assert/strict";
import { systemClock } from "../../../src/clock.ts";
import { lookByStun, type StunOptions } from "../../../src/line/stun/sample.ts";
import type { StunServer } from "../../../src/line/stun/server.ts";
import { retryUntil } from "../../../src/wait.ts";
import { FakeClock } from "../../support/clock.ts";
import {
  type Answering,
  answerOf,
  type FakeStunServer,
  startStunServer,
  stunMessage,
} from "../../support/stun_server.ts";

const DECEIT = "203.0.113.66", SEEN = "198.51.100.7";

/** Answers as a server on the internet does, for a router that keeps ports. */
const honest: Answering = (request) => [answerOf(request, SEEN, request.from.port)];

function at({ port }: FakeStunServer, host = "127.0.0.1"): StunServer {
  return { host, port };
}

/** Looks while the clock runs on its own, a second each time that something was done. */
async function lookWhileTimePasses(servers: readonly StunServer[], options: Partial<StunOptions> = {}) {
  const clock = new FakeClock();
  let isDone = false;
  const looking = lookByStun(servers, { clock, ...options }).finally(() => isDone = true);
  const passing = retryUntil(() => {
    clock.advance(1000);
    return isDone;
  }, { pauseMs: 50 });
  const outcome = await looking;
  await passing;
  return outcome;
}

Deno.test("twelve spread local ports ask one server, once each, and its answers are the samples in their order", async () => {
  await using server = startStunServer(honest);
  const { look, failures } = await lookByStun([at(server)], { clock: systemClock() });
  assert.deepEqual([look?.samples.length, look?.asked, look?.second, failures], [12, 12, null, []]);
  const ports = look!.samples.map(({ localPort }) => localPort);
  assert.deepEqual(look!.samples, ports.map((port) => ({ localPort: port, address: SEEN, port })));
  assert.deepEqual(ports, [...ports].sort((a, b) => a - b), "one of each stretch");
  assert.ok(ports.every((port, i) => port >= 32768 + 2730 * i && port < 32768 + 2730 * (i + 1)));
  assert.deepEqual(server.requests.map(({ from }) => from.port), ports);
  assert.equal(new Set(server.requests.map(({ transactionId }) => String(transactionId))).size, 12);
});

Deno.test("every socket is closed: its port can be bound at once", async () => {
  await using server = startStunServer(honest);
  const { look } = await lookByStun([at(server)], { clock: systemClock() });
  for (const { localPort } of look!.samples) {
    Deno.listenDatagram({ hostname: "0.0.0.0", port: localPort, transport: "udp", reuseAddress: false }).close();
  }
  assert.equal(look!.samples.length, 12);
});

Deno.test("reserved local ports are not used", async () => {
  await using server = startStunServer(honest);
  const isReserved = (port: number) => port % 2 === 1;
  const { look } = await lookByStun([at(server)], { clock: systemClock(), isReserved });
  assert.ok(look!.samples.filter(({ localPort }) => localPort % 2 === 0).length >= 11); // eight tries failed in 1 of 256
});

Deno.test("a request that is lost is sent again with the same id, after half a second and after one and a half", async () => {
  const clock = new FakeClock();
  await using server = startStunServer((request) => request.number < 2 ? [] : honest(request));
  const looking = lookByStun([at(server)], { clock });
  await server.seen(1);
  clock.advance(500);
  await server.seen(2);
  clock.advance(1000);
  const { look } = await looking;
  assert.equal(look?.samples.length, 12);
  const [first, second, third] = server.requests.map(({ transactionId }) => String(transactionId));
  assert.deepEqual([second, third], [first, first]);
});

Deno.test("a silent server costs one local port, is given up after three seconds, and the next one is asked", async () => {
  await using silent = startStunServer(() => []);
  await using server = startStunServer(honest);
  const { look, failures } = await lookWhileTimePasses([at(silent), at(server)]);
  assert.equal(look?.samples.length, 12);
  assert.deepEqual(failures, [`127.0.0.1:${silent.port}: no answer within 3s`]);
  assert.equal(new Set(silent.requests.map(({ from }) => from.port)).size, 1);
});

Deno.test("where no server answers there is no look, and each failure has its reason", async () => {
  await using silent = startStunServer(() => []);
  await using refusing = startStunServer(({ transactionId }) => [
    stunMessage(0x0111, transactionId, [[9, [0, 0, 5, 0, ...new TextEncoder().encode("no")]]]),
  ]);
  const servers = [at(silent), at(refusing), { host: "nowhere.invalid", port: 1 }, { host: "224.0.0.1", port: 1 }];
  const resolve = () => Promise.reject(new Error("NXDOMAIN"));
  const { look, failures } = await lookWhileTimePasses(servers, { resolve });
  assert.equal(look, null);
  assert.deepEqual(failures, [
    `127.0.0.1:${silent.port}: no answer within 3s`,
    `127.0.0.1:${refusing.port}: it refuses with error 500 no`,
    "nowhere.invalid:1: its name cannot be resolved to an IPv4 address",
    "224.0.0.1:1: it has no IPv4 address of a single machine",
  ]);
});

Deno.test("answers to another transaction, in broken form, or from another address do not count", async () => {
  using sockets = new DisposableStack();
  const stranger = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  sockets.defer(() => stranger.close());
  await using server = startStunServer((request) => {
    void stranger.send(answerOf(request, DECEIT, 1), request.from); // with the right transaction id
    const guessed = { ...request, transactionId: new Uint8Array(12) };
    return [answerOf(guessed, DECEIT, 2), new Uint8Array(3), answerOf(request, SEEN, request.from.port)];
  });
  const { look } = await lookByStun([at(server)], { clock: systemClock() });
  assert.equal(look!.samples.length, 12);
  assert.ok(look!.samples.every(({ address }) => address === SEEN));
});

Deno.test("a flood of strange packets ends an exchange, and does not fill the memory", async () => {
  await using server = startStunServer(() => Array.from({ length: 400 }, () => new Uint8Array(1400)));
  const { look } = await lookWhileTimePasses([at(server)]);
  assert.equal(look, null);
});

Deno.test("a second server at another address is asked once, as a witness", async () => {
  await using first = startStunServer(honest);
  await using second = startStunServer((request) => [answerOf(request, DECEIT, 4711)], "127.0.0.2");
  const { look } = await lookByStun([at(first), at(first), at(second, "127.0.0.2")], { clock: systemClock() });
  assert.deepEqual([look!.second?.address, look!.second?.port], [DECEIT, 4711]);
  assert.deepEqual([first.requests.length, second.requests.length], [12, 1]);
});

Deno.test("names are resolved, and addresses of many hosts or of IPv6 are left out", async () => {
  await using server = startStunServer(honest);
  const resolve = () => Promise.resolve(["::1", "0.0.0.0", "255.255.255.255", "127.0.0.1"]);
  const { look } = await lookByStun([at(server, "stun.example")], { clock: systemClock(), resolve });
  assert.equal(look?.samples.length, 12);
});

Deno.test("a server that sees a private address is asked once, and the next one instead; it is said where there is none", async () => {
  await using near = startStunServer(), far = startStunServer(honest, "127.0.0.2");
  const { look } = await lookByStun([at(near), at(far, "127.0.0.2")], { clock: systemClock() });
  assert.deepEqual([look?.samples.length, look?.samples[0]?.address], [12, SEEN]);
  assert.equal(near.requests.length, 1);
  const alone = await lookByStun([at(near)], { clock: systemClock() });
  assert.deepEqual(alone.look?.samples.map(({ address }) => address), ["127.0.0.1"]);
});

Deno.test("an aborted look ends at once, with its sockets closed", async () => {
  await using silent = startStunServer(() => []);
  const ending = new AbortController();
  const looking = lookByStun([at(silent)], { clock: new FakeClock(), signal: ending.signal });
  await silent.seen(1);
  ending.abort(new Error("enough"));
  await assert.rejects(looking, /enough/);
});
