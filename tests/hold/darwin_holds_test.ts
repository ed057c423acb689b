import assert from "node:assert/strict";
import { localAddresses } from "../../src/hold/addresses.ts";
import { bindByLibSystem } from "../../src/hold/darwin/bind.ts";
import { type Attempt, GenericHolds } from "../../src/hold/generic.ts";
import type { LibSystem } from "../../src/os/darwin/libsystem.ts";

const PORT = 20_417;
const tcp = { protocols: ["tcp"], hold: "none" } as const;

Deno.test("localAddresses() has the wildcards, loopback and every interface, with the scope of link-local ones", () => {
  const of = (address: string, scopeid: number | null) => ({ address, scopeid }) as Deno.NetworkInterfaceInfo;
  assert.deepEqual(localAddresses([of("127.0.0.1", null), of("192.0.2.7", null), of("fe80::7%en0", 4)]), [
    ...["0.0.0.0", "127.0.0.1", "::", "::1"].map((address) => ({ address, scope: 0 })),
    { address: "192.0.2.7", scope: 0 },
    { address: "fe80::7", scope: 4 },
  ]);
});

Deno.test("a server on one address of the machine alone is seen, whichever it is", () => {
  for (const { address } of localAddresses()) {
    const holds = new GenericHolds((attempt) => attempt.address === address ? "in_use" : attempt.port);
    assert.deepEqual(holds.claim(PORT, tcp).obstacle, { reason: "in_use", protocol: "tcp" }, address);
  }
});

Deno.test("only a port that was asked for by number is tried beside sockets in TIME_WAIT", () => {
  const reused: boolean[] = [];
  const holds = new GenericHolds((attempt) => {
    reused.push(attempt.reuse);
    return attempt.reuse ? attempt.port : "in_use";
  });
  assert.equal(holds.claim(PORT, tcp).obstacle?.reason, "in_use");
  assert.deepEqual(holds.claim(PORT, { ...tcp, named: true }), { port: PORT, hold: "none" });
  assert.deepEqual(reused, [false, ...localAddresses().map(() => true)]);
});

/** A library that notes the calls, without any that listens; each bind fails with `error`, if it is not 0. */
function fakeLibSystem(error = 0) {
  const calls: string[] = [];
  const hex = (bytes: unknown) => (bytes as Uint8Array<ArrayBuffer>).toHex();
  const number = new Int32Array([error]);
  const libSystem = {
    socket: (domain: number, type: number) => calls.push(`socket ${domain} ${type}`) && 9,
    setsockopt: (_socket: number, level: number, name: number) => calls.push(`option ${level} ${name}`) && 0,
    bind: (_socket: number, name: unknown) => calls.push(`bind ${hex(name)}`) && (error === 0 ? 0 : -1),
    getsockname: () => calls.push("name") && 0,
    close: (socket: number) => calls.push(`close ${socket}`) && 0,
    __error: () => Deno.UnsafePointer.of(number),
  };
  return { calls, attempt: bindByLibSystem(libSystem as unknown as LibSystem) };
}

const SPECIFIC: Attempt = { address: "192.0.2.7", scope: 0, port: PORT, protocol: "tcp", reuse: false };
const LINK_LOCAL: Attempt = { address: "fe80::7", scope: 4, port: PORT, protocol: "udp", reuse: true };

Deno.test("on macOS a port is bound and closed, and nothing listens", () => {
  const { calls, attempt } = fakeLibSystem();
  assert.equal(attempt(SPECIFIC), PORT);
  assert.deepEqual(calls, ["socket 2 1", "bind 10024fc1c00002070000000000000000", "name", "close 9"]);
  calls.length = 0;
  assert.equal(attempt(LINK_LOCAL), PORT);
  const name = "1c1e4fc100000000" + "fe80000000000000" + "0000000000000007" + "04000000";
  assert.deepEqual(calls, ["socket 30 2", "option 41 27", `bind ${name}`, "name", "close 9"]);
  calls.length = 0;
  attempt({ ...SPECIFIC, reuse: true });
  assert.deepEqual(calls[1], "option 65535 4");
});

Deno.test("an error of macOS is a port in use, unless it says that there is no such address or no descriptor", () => {
  const results = [48, 49, 47, 13, 24, 22].map((error) => fakeLibSystem(error).attempt(SPECIFIC));
  assert.deepEqual(results, ["in_use", "absent", "absent", "no_permission", "no_descriptors", "in_use"]);
  assert.deepEqual([48, 22].map((error) => fakeLibSystem(error).attempt(LINK_LOCAL)), ["in_use", "absent"]);
});
