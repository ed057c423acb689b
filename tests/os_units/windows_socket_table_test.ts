import assert from "node:assert/strict";
import type { SocketRow } from "../../src/os/socket.ts";
import { parseSocketTable, type TableKind } from "../../src/os/windows/socket_table.ts";
import { bytesOfHex, readHex } from "../support/hex.ts";

const TCP4 = { protocol: "tcp", family: 4 } as const, TCP6 = { protocol: "tcp", family: 6 } as const;
const UDP4 = { protocol: "udp", family: 4 } as const, UDP6 = { protocol: "udp", family: 6 } as const;

/** A row as `protocol local remote state pid`. */
function line({ protocol, localAddress, localPort, remoteAddress, remotePort, state, pid }: SocketRow): string {
  return `${protocol} ${localAddress} ${localPort} ${remoteAddress} ${remotePort} ${state || "-"} ${pid}`;
}

function linesOf(bytes: Uint8Array, kind: TableKind): string[] {
  return [...parseSocketTable(bytes, kind)].map(line);
}

/** 1.2.3.4:80 in a state, with a peer and a pid. */
function tcp4Row(state: number, pid = 1000): string {
  return `${hex32(state)} 01020304 0050ffff 05060708 1f900000 ${hex32(pid)}`;
}

function hex32(number: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, number, true);
  return Array.from(new Uint8Array(view.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

Deno.test("parseSocketTable() reads tables that were captured from iphlpapi.dll", async () => {
  // Of one program: a listener, both ends of a connection (the one over IPv6 half closed) and a UDP socket, each twice.
  assert.deepEqual(linesOf(await readHex("windows/tcp4.hex"), TCP4), [
    "tcp 127.0.0.1 35589 0.0.0.0 0 LISTEN 308",
    "tcp 127.0.0.1 37642 127.0.0.1 35589 ESTABLISHED 308",
    "tcp 127.0.0.1 35589 127.0.0.1 37642 ESTABLISHED 308",
  ]);
  assert.deepEqual(linesOf(await readHex("windows/tcp6.hex"), TCP6), [
    "tcp ::1 42513 :: 0 LISTEN 308",
    "tcp ::1 57386 ::1 42513 CLOSE_WAIT 308",
  ]);
  assert.deepEqual(linesOf(await readHex("windows/udp4.hex"), UDP4), ["udp 127.0.0.1 56605 0.0.0.0 0 - 308"]);
  assert.deepEqual(linesOf(await readHex("windows/udp6.hex"), UDP6), ["udp :: 56510 :: 0 - 308"]);
});

Deno.test("parseSocketTable() writes every state of Windows in netstat's words for Linux", () => {
  const states = Array.from({ length: 12 }, (_, i) => tcp4Row(i + 1));
  const bytes = bytesOfHex(`${hex32(13)} ${states.join(" ")} ${tcp4Row(100)}`);
  assert.deepEqual([...parseSocketTable(bytes, TCP4)].map(({ state }) => state), [
    "CLOSE",
    "LISTEN",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE",
  ]);
});

Deno.test("parseSocketTable() ignores the remote fields of a listener, and gives pid 0 as none", () => {
  const bytes = bytesOfHex(`${hex32(3)} ${tcp4Row(2)} ${tcp4Row(11, 0)} ${tcp4Row(5, 0xfffffffc)}`);
  assert.deepEqual(linesOf(bytes, TCP4), [
    "tcp 1.2.3.4 80 0.0.0.0 0 LISTEN 1000",
    "tcp 1.2.3.4 80 5.6.7.8 8080 TIME_WAIT null",
    "tcp 1.2.3.4 80 5.6.7.8 8080 ESTABLISHED 4294967292",
  ]);
});

Deno.test("parseSocketTable() reads IPv6 rows past their scope ids", () => {
  const local = "fe800000000000000000000000000001", peer = "20010db8000000000000000000000002";
  const row = `${local} 07000000 01bb0000 ${peer} 09000000 c0000000 ${hex32(5)} ${hex32(77)}`;
  assert.deepEqual(linesOf(bytesOfHex(`${hex32(1)} ${row}`), TCP6), [
    "tcp fe80::1 443 2001:db8::2 49152 ESTABLISHED 77",
  ]);
});

Deno.test("parseSocketTable() gives of a table that says more than it holds only the whole rows", () => {
  const whole = bytesOfHex(`${hex32(0xffffffff)} ${tcp4Row(2)} ${tcp4Row(5)}`);
  assert.equal(linesOf(whole, TCP4).length, 2);
  for (let length = 0; length < whole.length; length++) {
    const expected = Math.max(0, Math.floor((length - 4) / 24));
    assert.equal(linesOf(whole.subarray(0, length), TCP4).length, expected, `${length} bytes`);
  }
  assert.deepEqual(linesOf(bytesOfHex(`${hex32(0)} ${tcp4Row(2)}`), TCP4), [], "a count of none");
});

Deno.test("parseSocketTable() gives only what is wanted", () => {
  const bytes = bytesOfHex(`${hex32(2)} ${tcp4Row(2)} ${tcp4Row(5)}`);
  const asked: string[] = [];
  const wanted = (port: number, state: string) => asked.push(`${port} ${state}`) > 0 && state === "LISTEN";
  assert.equal([...parseSocketTable(bytes, TCP4, wanted)].length, 1);
  assert.deepEqual(asked, ["80 LISTEN", "80 ESTABLISHED"]);
});
