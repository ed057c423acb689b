import assert from "node:assert/strict";
import { localAddresses } from "../../src/hold/addresses.ts";
import { WindowsHolds } from "../../src/hold/windows/holds.ts";
import { type Binding, bindSocket, type Sharing } from "../../src/os/windows/bound_socket.ts";
import { WSAEACCES, WSAEAFNOSUPPORT, WSAEMFILE } from "../../src/os/windows/ws2_32.ts";
import { FakeWinsock } from "../support/winsock.ts";

const PORT = 20_417;
const SHARINGS: readonly Sharing[] = ["default", "reuse", "exclusive"];
const ADDRESSES: readonly Pick<Binding, "address" | "dualStack">[] = [
  ...["0.0.0.0", "127.0.0.1", "127.0.0.2", "192.0.2.7", "::", "::1", "fe80::7"].map((address) => ({ address })),
  { address: "::", dualStack: true },
];

function open() {
  const winsock = new FakeWinsock();
  const denied: string[] = [];
  const holds = new WindowsHolds({ ws2: winsock.ws2, look: winsock.look, onDenied: () => void denied.push("denied") });
  return { winsock, holds, denied };
}

function bind({ ws2 }: FakeWinsock, binding: Omit<Binding, "port">): bigint {
  const bound = bindSocket(ws2, { ...binding, port: PORT });
  return bound.error === undefined ? bound.socket : assert.fail(`Windows error ${bound.error}`);
}

Deno.test("by Microsoft's table no socket of another program is overlooked, whatever its address and options", () => {
  for (const protocol of ["tcp", "udp"] as const) {
    for (const where of ADDRESSES) {
      for (const sharing of SHARINGS) {
        const { winsock, holds } = open();
        const socket = bind(winsock, { ...where, protocol, sharing });
        for (const named of [false, true]) {
          const { obstacle } = holds.claim(PORT, { protocols: [protocol], hold: "soft", named });
          assert.deepEqual(obstacle, { reason: "in_use", protocol }, `${where.address} ${sharing}`);
        }
        winsock.ws2.closesocket(socket);
        const claim = holds.claim(PORT, { protocols: [protocol], hold: "soft" });
        assert.deepEqual(claim, { port: PORT, hold: "none" });
        assert.equal(winsock.open, 0, "no socket is left open");
      }
    }
  }
});

Deno.test("by Microsoft's table a wildcard bind without options succeeds beside a specific one: it is no probe", () => {
  const { winsock } = open();
  bind(winsock, { address: "192.0.2.7", protocol: "tcp", sharing: "default" });
  bind(winsock, { address: "0.0.0.0", protocol: "tcp", sharing: "default" });
  assert.equal(winsock.open, 2);
});

Deno.test("a port on which the tables show somebody is in use, although Windows would give it", () => {
  const { winsock, holds } = open();
  winsock.addRow({ protocol: "tcp", localPort: PORT, localAddress: "0.0.0.0", state: "LISTEN", pid: 4 });
  assert.equal(holds.claim(PORT, { protocols: ["tcp"], hold: "none" }).obstacle?.reason, "in_use");
  assert.equal(holds.claim(PORT, { protocols: ["udp"], hold: "none" }).obstacle, undefined);
});

Deno.test("a probe or a look that fails means that the port is taken", () => {
  const { winsock, holds } = open();
  winsock.bindError = 10_022;
  const claim = () => holds.claim(PORT, { protocols: ["tcp"], hold: "none", named: true });
  assert.deepEqual(claim().obstacle, { reason: "in_use", protocol: "tcp" });
  assert.deepEqual(holds.claimAny({ protocols: ["udp"], hold: "none" }).obstacle, {
    reason: "in_use",
    protocol: "udp",
  });
  winsock.bindError = WSAEMFILE;
  assert.deepEqual(claim().obstacle, { reason: "no_descriptors" });
  winsock.bindError = undefined;
  winsock.hasTables = false;
  assert.deepEqual(claim().obstacle, { reason: "in_use", protocol: "tcp" });
});

Deno.test("where Windows denies access, its port rules are read again", () => {
  const { winsock, holds, denied } = open();
  winsock.bindError = WSAEACCES;
  assert.equal(holds.claim(PORT, { protocols: ["tcp"], hold: "none" }).obstacle?.reason, "in_use");
  assert.deepEqual(denied, ["denied"]);
});

Deno.test("a port in TIME_WAIT is granted by number alone, and not while anything is bound to it", () => {
  const { winsock, holds } = open();
  winsock.addRow({ protocol: "tcp", localPort: PORT, state: "TIME_WAIT", pid: null });
  // As an ended connection does: it refuses the exclusive bind and no other.
  const ended = bind(winsock, { address: "198.51.100.1", protocol: "tcp", sharing: "default" });
  const claim = (named: boolean) => holds.claim(PORT, { protocols: ["tcp"], hold: "none", named });
  assert.equal(claim(false).obstacle?.reason, "in_use");
  assert.deepEqual(claim(true), { port: PORT, hold: "none" });
  const { address } = localAddresses()[1]!;
  const server = bind(winsock, { address, protocol: "tcp", sharing: "default" });
  assert.equal(claim(true).obstacle?.reason, "in_use");
  winsock.ws2.closesocket(server);
  winsock.addRow({ protocol: "tcp", localPort: PORT, state: "ESTABLISHED" });
  assert.equal(claim(true).obstacle?.reason, "in_use");
  winsock.ws2.closesocket(ended);
});

Deno.test("on a Windows without IPv6 the probe is on IPv4", () => {
  const winsock = new FakeWinsock();
  winsock.bindError = WSAEAFNOSUPPORT;
  const holds = new WindowsHolds({ ws2: winsock.ws2, look: winsock.look, onDenied: () => {} });
  winsock.bindError = undefined;
  const six = bind(winsock, { address: "::1", protocol: "tcp", sharing: "default" });
  assert.equal(holds.claim(PORT, { protocols: ["tcp"], hold: "none" }).obstacle, undefined);
  winsock.ws2.closesocket(six);
});
