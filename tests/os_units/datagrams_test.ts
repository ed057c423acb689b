/** Receiving datagrams. */
import assert from "node:assert/strict";
import { datagramsOf } from "../../src/os/datagrams.ts";

const SENDER: Deno.NetAddr = { transport: "udp", hostname: "192.0.2.7", port: 4711 };

/** A socket that receives these, one after the other. */
function socketOf(...events: readonly (number | Error)[]) {
  const left = [...events];
  return {
    receive(): Promise<[Uint8Array<ArrayBuffer>, Deno.Addr]> {
      const next = left.shift();
      if (typeof next === "number") return Promise.resolve([Uint8Array.of(next), SENDER]);
      return Promise.reject(next ?? new Error("nothing is left"));
    },
  };
}

async function numbersOf(socket: ReturnType<typeof socketOf>): Promise<number[]> {
  const found: number[] = [];
  for await (const [[byte], sender] of datagramsOf(socket)) {
    assert.deepEqual(sender, SENDER);
    found.push(byte!);
  }
  return found;
}

Deno.test("what Windows reports of a datagram that was sent before ends nothing", async () => {
  const reset = new Deno.errors.ConnectionReset("os error 10054"), refused = new Deno.errors.ConnectionRefused("111");
  const socket = socketOf(reset, 1, refused, reset, 2, new Deno.errors.BadResource("closed"));
  assert.deepEqual(await numbersOf(socket), [1, 2]);
});

Deno.test("a socket that is closed during a receive has no more datagrams; any other failure is thrown", async () => {
  assert.deepEqual(await numbersOf(socketOf(1, new Deno.errors.Interrupted("closed"))), [1]);
  await assert.rejects(numbersOf(socketOf(1, new Deno.errors.PermissionDenied("no"))), Deno.errors.PermissionDenied);
});

Deno.test("a real socket gives its datagrams until it is closed", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = socket.addr as Deno.NetAddr;
  await socket.send(Uint8Array.of(7), to);
  const found: number[] = [];
  for await (const [bytes, { port }] of datagramsOf(socket)) {
    assert.equal(port, to.port);
    found.push(...bytes);
    socket.close();
  }
  assert.deepEqual(found, [7]);
});
