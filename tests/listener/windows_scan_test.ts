import assert from "node:assert/strict";
import { WindowsScanner } from "../../src/listener/windows/scan.ts";
import type { SocketRow } from "../../src/os/socket.ts";
import type { Iphlpapi } from "../../src/os/windows/iphlpapi.ts";
import { openSockets } from "../support/os/wine_sockets.ts";

const ERROR_ACCESS_DENIED = 5, ERROR_INSUFFICIENT_BUFFER = 122, ERROR_NOT_SUPPORTED = 50;

/** A library that answers each call with what the function says. */
function library(answer: (table: Uint8Array, size: Uint32Array, family: number) => number): Iphlpapi {
  const call = (table: unknown, size: unknown, _sorted: number, family: number) =>
    Promise.resolve(answer(table as Uint8Array, size as Uint32Array, family));
  return { GetExtendedTcpTable: call, GetExtendedUdpTable: call } as unknown as Iphlpapi;
}

Deno.test("a table that grows between the calls is asked for until the buffer holds it", async () => {
  let size = 20_000;
  const asked: number[] = [];
  const scanner = new WindowsScanner(library((table, length) => {
    asked.push(table.length);
    size += 5000;
    length[0] = size;
    if (table.length < size) return ERROR_INSUFFICIENT_BUFFER;
    table.set([1, 0, 0, 0]);
    return 0;
  }));
  assert.equal((await scanner.socketsOn({ protocol: "udp", port: 0 })).length, 2, "one row of each family");
  assert.ok(asked.length > 2 && asked.length < 20, `${asked}`);
});

Deno.test("a table that never stops growing, and an error, are reported with protocol and family", async () => {
  const growing = library((table, length) => {
    length[0] = table.length + 1;
    return ERROR_INSUFFICIENT_BUFFER;
  });
  await assert.rejects(new WindowsScanner(growing).sockets({ connections: true }), /grows faster than it can be read/);
  const refusing = new WindowsScanner(library(() => ERROR_ACCESS_DENIED));
  await assert.rejects(refusing.sockets({ connections: false }), /tcp sockets of IPv4: Windows error 5$/);
});

Deno.test("a system without IPv6 has no sockets of it", async () => {
  const AF_INET6 = 23;
  const scanner = new WindowsScanner(library((_table, _size, family) => family === AF_INET6 ? ERROR_NOT_SUPPORTED : 0));
  assert.deepEqual(await scanner.sockets({ connections: true }), []);
});

function line({ protocol, localAddress, localPort, remotePort, state, pid }: SocketRow): string {
  return `${protocol} ${localAddress} ${localPort} ${remotePort} ${state} ${pid}`;
}

// Run by tests/os/wine_test.ts where there is no Windows.
if (Deno.build.os === "windows") {
  Deno.test("the scanner of Windows lists sockets of either family with state and process", async () => {
    const scanner = WindowsScanner.open();
    for (const address of ["127.0.0.1", "::1"]) await checkListing(scanner, address);
    scanner.close();
  });
}

async function checkListing(scanner: WindowsScanner, address: string): Promise<void> {
  using sockets = await openSockets(address);
  const { port, clientPort, udpPort } = sockets;
  const listening = `tcp ${address} ${port} 0 LISTEN ${Deno.pid}`, udp = `udp ${address} ${udpPort} 0  ${Deno.pid}`;
  const ends = [[port, clientPort], [clientPort, port]]
    .map(([local, remote]) => `tcp ${address} ${local} ${remote} ESTABLISHED ${Deno.pid}`);
  const ours = (rows: readonly SocketRow[]) =>
    rows.filter(({ localPort }) => [port, clientPort, udpPort].includes(localPort)).map(line).sort();
  assert.deepEqual(ours(await scanner.sockets({ connections: true })), [listening, udp, ...ends].sort());
  assert.deepEqual(ours(await scanner.sockets({ connections: false })), [listening, udp]);
  const endpoints = [{ protocol: "tcp", port }, { protocol: "udp", port: udpPort }] as const;
  assert.deepEqual((await scanner.listening(endpoints)).map(line), [listening, udp]);
  assert.deepEqual(await scanner.listening([{ protocol: "udp", port }]), []);
  assert.deepEqual((await scanner.socketsOn(endpoints[0])).map(line).sort(), [listening, ends[0]].sort());
  const rows = await scanner.socketsOn(endpoints[1]);
  assert.equal(await scanner.identify(rows), rows);
}
