import assert from "node:assert/strict";
import { LinuxHolds } from "../../src/hold/linux/holds.ts";
import { LinuxScanner } from "../../src/listener/linux/scan.ts";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import {
  BOUND_STATE,
  encodeLookup,
  encodeRequest,
  LISTENING_STATES,
  listsBoundSockets,
  parseReply,
  sequenceOf,
} from "../../src/os/linux/sock_diag.ts";
import { SockDiagSocket } from "../../src/os/linux/sock_diag_socket.ts";
import type { SocketRow } from "../../src/os/socket.ts";
import type { Endpoint } from "../../src/port/port.ts";
import { linuxTest } from "../support/linux_only.ts";
import { listen, socketRow } from "../support/sockets.ts";

function sorted(rows: readonly SocketRow[]): SocketRow[] {
  return [...rows].sort((a, b) => a.inode - b.inode);
}

linuxTest("netlink and /proc list the same listeners, and both name their process", async () => {
  const linux = openLinuxParts();
  const viaProc = new LinuxScanner(linux, undefined);
  const viaNetlink = new LinuxScanner(linux, SockDiagSocket.open(linux.libc)!);
  using v4 = listen(0, "127.0.0.1");
  using any = listen(0, "0.0.0.0");
  using v6 = listen(0, "::1");
  using dual = listen(0, "::");
  const udp = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  const udpPort = (udp.addr as Deno.NetAddr).port;
  const client = await Deno.connect({ hostname: "127.0.0.1", port: v4.port }); // not a listener
  const endpoints: Endpoint[] = [v4, any, v6, dual].map(({ port }) => ({ protocol: "tcp", port }));
  const clientPort = (client.localAddr as Deno.NetAddr).port;
  endpoints.push({ protocol: "udp", port: udpPort }, { protocol: "tcp", port: clientPort });
  const rows = sorted(await viaNetlink.listening(endpoints));
  assert.deepEqual(rows, sorted(await viaProc.listening(endpoints)));
  assert.deepEqual(rows.map(({ localPort }) => localPort), [v4.port, any.port, v6.port, dual.port, udpPort]);
  assert.deepEqual(rows.map(({ localAddress }) => localAddress), ["127.0.0.1", "0.0.0.0", "::1", "::", "127.0.0.1"]);
  for (const { pid } of await viaNetlink.identify(rows)) assert.equal(pid, Deno.pid);
  const all = await viaProc.socketsOn({ protocol: "tcp", port: v4.port });
  assert.deepEqual(new Set(all.map(({ state }) => state)), new Set(["LISTEN", "ESTABLISHED"]));
  client.close();
  udp.close();
  viaNetlink.close();
});

linuxTest("boundOn() finds what is bound to one port and does not listen, where the kernel lists that", async () => {
  const linux = openLinuxParts();
  const holds = new LinuxHolds(linux);
  const scanner = new LinuxScanner(linux, SockDiagSocket.open(linux.libc));
  using server = listen();
  const ports = [0, 1].map(() => {
    const claim = holds.claimAny({ protocols: ["tcp"], hold: "soft" });
    assert.equal(claim.obstacle, undefined);
    return claim.port;
  });
  try {
    const bound = await scanner.boundOn(ports[0]!);
    const isListed = listsBoundSockets(linux.procfs.read("/proc/sys/kernel/osrelease")!);
    assert.deepEqual(
      bound?.map(({ localPort, state }) => [localPort, state]),
      isListed ? [[ports[0], "CLOSE"]] : undefined,
    );
    assert.deepEqual(await scanner.boundOn(server.port), isListed ? [] : undefined);
    assert.equal(await new LinuxScanner(linux, undefined).boundOn(ports[0]!), undefined);
  } finally {
    holds.releaseAll();
    scanner.close();
  }
});

Deno.test("listsBoundSockets() knows that Linux 6.8 was the first to", () => {
  const releases = ["5.15.0-91-generic", "6.7.12", "6.8.0-31-generic", "6.18.44", "7.0", "4.4.0", ""];
  assert.deepEqual(releases.map(listsBoundSockets), [false, false, true, true, true, false, false]);
});

Deno.test("parseReply() distinguishes rows, the end and a refusal, and survives a cut datagram", () => {
  const message = new Uint8Array(88);
  const view = new DataView(message.buffer);
  view.setUint32(0, 88, true);
  view.setUint16(4, 20, true);
  message.set([2, 10], 16);
  view.setUint16(20, 8080, false);
  message.set([127, 0, 0, 1], 24);
  view.setUint32(80, 1000, true);
  view.setUint32(84, 4242, true);
  const row = socketRow({ localPort: 8080 });
  assert.deepEqual(parseReply(message, "tcp"), { rows: [row], isDone: false, error: 0 });
  const end = new Uint8Array(20);
  end.set([20, 0, 0, 0, 3], 0);
  assert.deepEqual(parseReply(new Uint8Array([...message, ...end]), "tcp"), { rows: [row], isDone: true, error: 0 });
  const refusal = new Uint8Array(36);
  refusal.set([36, 0, 0, 0, 2], 0);
  new DataView(refusal.buffer).setInt32(16, -2, true);
  assert.deepEqual(parseReply(refusal, "tcp"), { rows: [], isDone: true, error: 2 });
  assert.deepEqual(parseReply(message.subarray(0, 40), "tcp").isDone, false);
});

Deno.test("encodeRequest() asks for a dump of the family, protocol and states", () => {
  const bytes = encodeRequest({ family: 6, protocol: "udp", states: LISTENING_STATES.udp });
  assert.equal(bytes.length, 72);
  assert.deepEqual([...bytes.subarray(0, 8)], [72, 0, 0, 0, 20, 0, 1, 3]);
  assert.deepEqual([...bytes.subarray(16, 24)], [10, 17, 0, 0, 0x80, 0, 0, 0]);
});

Deno.test("encodeRequest() has the kernel choose by the local port, where one is asked for", () => {
  const bytes = encodeRequest({ family: 4, protocol: "tcp", states: BOUND_STATE, port: 0x1234 });
  assert.deepEqual([bytes.length, bytes[0], bytes[21]], [84, 84, 0x20]);
  assert.deepEqual([...bytes.subarray(72)], [12, 0, 1, 0, 11, 8, 12, 0, 0, 0, 0x34, 0x12]);
});

Deno.test("encodeLookup() asks for one socket by both its ends, and not where these are of two families", () => {
  const local = { address: "127.0.0.2", port: 0x1234 }, remote = { address: "127.0.0.1", port: 7678 };
  const bytes = encodeLookup({ local, remote }, 7)!;
  assert.deepEqual([...bytes.subarray(0, 18)], [72, 0, 0, 0, 20, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 2, 6]);
  assert.deepEqual([...bytes.subarray(24, 32)], [0x12, 0x34, 29, 254, 127, 0, 0, 2]);
  assert.deepEqual([...bytes.subarray(44, 48)], [127, 0, 0, 1]);
  assert.deepEqual([...bytes.subarray(64)], new Array(8).fill(0xff));
  assert.equal(sequenceOf(bytes), 7);
  assert.equal(encodeLookup({ local, remote: { address: "::1", port: 7678 } }, 7), undefined);
  assert.equal(encodeLookup({ local, remote: { address: "localhost", port: 7678 } }, 7), undefined);
});
