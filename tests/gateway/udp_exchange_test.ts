import assert from "node:assert/strict";
import { GatewayError } from "../../src/gateway/gateway.ts";
import { exchange, LARGEST_DATAGRAM } from "../../src/gateway/udp_exchange.ts";
import { HastyTimer } from "../support/gateway/hasty_timer.ts";
import { FakeClock } from "../support/clock.ts";

/** A port of this host that answers as a test says. */
class Peer implements AsyncDisposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #served: Promise<void>;
  readonly senders: number[] = [];

  constructor(answer: (peer: Peer, sender: Deno.NetAddr) => Promise<unknown>) {
    this.#served = this.#serve(answer);
  }

  async #serve(answer: (peer: Peer, sender: Deno.NetAddr) => Promise<unknown>): Promise<void> {
    try {
      for await (const [, sender] of this.#socket) {
        this.senders.push((sender as Deno.NetAddr).port);
        await answer(this, sender as Deno.NetAddr);
      }
    } catch (error) {
      // The test ended while an answer was sent.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  get to() {
    return { address: "127.0.0.1", port: (this.#socket.addr as Deno.NetAddr).port };
  }

  async send(bytes: Uint8Array, to: Deno.NetAddr): Promise<void> {
    await this.#socket.send(bytes, to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#served;
  }
}

const REQUEST = Uint8Array.of(7, 7), GOOD = Uint8Array.of(42);
const read = (datagram: Uint8Array) => datagram[0] === 42 ? datagram.length : undefined;

Deno.test("a question is sent four times from one port, after pauses that double, and given up", async () => {
  await using peer = new Peer(() => Promise.resolve());
  const timer = new HastyTimer();
  assert.equal(await exchange({ from: "127.0.0.1", to: peer.to, request: REQUEST, read, timer }), undefined);
  assert.equal(timer.durations.length, 4);
  for (const [i, ms] of timer.durations.entries()) {
    assert.ok(ms >= 225 * 2 ** i && ms <= 275 * 2 ** i, `pause ${i} is ${ms} ms`);
  }
  assert.ok(timer.durations.reduce((sum, ms) => sum + ms) < 4200);
});

Deno.test("a question is sent again, and the later answer taken", async () => {
  let left = 2;
  await using peer = new Peer(async (peer, to) => left-- === 0 && await peer.send(GOOD, to));
  const timer = new HastyTimer(2);
  assert.equal(await exchange({ from: "127.0.0.1", to: peer.to, request: REQUEST, read, timer }), 1);
  assert.equal(peer.senders.length, 3);
  assert.equal(new Set(peer.senders).size, 1);
});

Deno.test("datagrams that are no answers, are too long, or come from another port are passed over", async () => {
  const stranger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await using peer = new Peer(async (peer, to) => {
    await stranger.send(GOOD, to);
    await peer.send(new Uint8Array(), to);
    await peer.send(Uint8Array.of(1, 2, 3), to);
    await peer.send(new Uint8Array(LARGEST_DATAGRAM + 1).fill(42), to);
    await peer.send(new Uint8Array(LARGEST_DATAGRAM).fill(42), to);
  });
  const timer = new FakeClock();
  assert.equal(await exchange({ from: "127.0.0.1", to: peer.to, request: REQUEST, read, timer }), LARGEST_DATAGRAM);
  stranger.close();
});

Deno.test({
  name: "a datagram from another address is passed over, even from the router's port",
  ignore: Deno.build.os !== "linux", // the others have one loopback address
  async fn() {
    await using peer = new Peer(async (peer, to) => {
      await stranger.send(GOOD, to);
      await peer.send(Uint8Array.of(42, 0), to);
    });
    const stranger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.2", port: peer.to.port });
    const timer = new FakeClock();
    assert.equal(await exchange({ from: "127.0.0.1", to: peer.to, request: REQUEST, read, timer }), 2);
    stranger.close();
  },
});

Deno.test("a flood is read no further than a hundred datagrams, and the question given up in its time", async () => {
  let seen = 0;
  const full = Promise.withResolvers<void>();
  await using peer = new Peer(async (peer, to) => {
    for (let i = 0; i < 100; i++) await peer.send(Uint8Array.of(1), to);
    await peer.send(GOOD, to);
  });
  const counting = (datagram: Uint8Array) => {
    if (++seen === 100) full.resolve();
    return read(datagram);
  };
  let pauses = 0;
  const after = (_: number, onEnd: () => void) => {
    pauses++;
    full.promise.then(onEnd);
    return () => {};
  };
  const timer = { after };
  assert.equal(await exchange({ from: "127.0.0.1", to: peer.to, request: REQUEST, read: counting, timer }), undefined);
  assert.equal(seen, 100);
  assert.equal(pauses, 4);
});

Deno.test("a signal ends a question at once, with its reason", async () => {
  const reason = new Error("enough"), stop = new AbortController();
  await using peer = new Peer(() => Promise.resolve(stop.abort(reason)));
  const options = { from: "127.0.0.1", to: peer.to, request: REQUEST, read, timer: new FakeClock() };
  await assert.rejects(exchange({ ...options, signal: stop.signal }), reason);
  await assert.rejects(exchange({ ...options, signal: AbortSignal.abort(reason) }), reason);
  assert.equal(peer.senders.length, 1);
});

Deno.test("an address that this host has not is a failure, in words", async () => {
  const options = { from: "192.0.2.1", to: { address: "127.0.0.1", port: 9 }, request: REQUEST, read };
  await assert.rejects(exchange(options), (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.fault, "failed");
    assert.match(error.message, /^Cannot ask the router 127\.0\.0\.1 from 192\.0\.2\.1: /);
    return true;
  });
});
