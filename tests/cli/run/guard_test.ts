import assert from "node:assert/strict";
import { RunLeases, type RunLeasesParts } from "../../../src/cli/run/leases.ts";
import { isTakenByProbe } from "../../../src/cli/run/taken.ts";
import { guardPorts } from "../../../src/hold/windows/guard.ts";
import { WindowsHolds } from "../../../src/hold/windows/holds.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { bindSocket } from "../../../src/os/windows/bound_socket.ts";
import { WSAEACCES } from "../../../src/os/windows/ws2_32.ts";
import { FakeWinsock } from "../../support/winsock.ts";

const PORT = 20_417;

function open() {
  const winsock = new FakeWinsock();
  const holds = new WindowsHolds({ ws2: winsock.ws2, look: winsock.look, onDenied: () => {} });
  const serve = (port: number) => {
    const { ws2 } = winsock;
    return bindSocket(ws2, { protocol: "tcp", address: "0.0.0.0", port, sharing: "reuse" });
  };
  return { winsock, holds, serve, parts: { ws2: winsock.ws2, holds } };
}

Deno.test("a guard keeps its ports from everybody, and leaves them to a server when it is disposed of", () => {
  const { winsock, serve, parts } = open();
  {
    using guard = guardPorts(
      [{ port: PORT, protocols: ["tcp", "udp"] }, { port: PORT + 1, protocols: ["tcp"] }],
      parts,
    );
    assert.equal(guard.lost, undefined);
    assert.equal(winsock.open, 3);
    for (const port of [PORT, PORT + 1]) assert.equal(serve(port).error, WSAEACCES);
  }
  assert.equal(winsock.open, 0);
  assert.equal(serve(PORT).error, undefined);
});

Deno.test("a guard reports a port that somebody has taken since its grant", () => {
  const { serve, parts } = open();
  serve(PORT + 1);
  using guard = guardPorts([{ port: PORT, protocols: ["tcp"] }, { port: PORT + 1, protocols: ["tcp"] }], parts);
  assert.equal(guard.lost, PORT + 1);
});

Deno.test("a guard passes over a port that only connections in TIME_WAIT refuse", () => {
  const { winsock, parts } = open();
  winsock.addRow({ protocol: "tcp", localPort: PORT, state: "TIME_WAIT", pid: null });
  bindSocket(winsock.ws2, { protocol: "tcp", address: "198.51.100.1", port: PORT, sharing: "default" });
  using guard = guardPorts([{ port: PORT, protocols: ["tcp"] }], parts);
  assert.equal(guard.lost, undefined);
});

Deno.test("for portd run a port that Windows has taken for itself since the grant is lost", () => {
  const { winsock, holds } = open();
  const lease = { port: PORT, protocols: ["tcp"] } as unknown as Lease;
  const leases = new RunLeases([lease], { isTaken: isTakenByProbe(holds) } as unknown as RunLeasesParts);
  assert.equal(leases.findLost(), undefined);
  winsock.bindError = WSAEACCES;
  assert.equal(leases.findLost(), lease);
});
