/**
 * The texts are in the form that lsof has on macOS (its print.c and dialects/darwin/dsock.c): the device is an address in
 * the kernel, and a socket of IPv6 that carries IPv4 has plain addresses of the latter.
 */
import assert from "node:assert/strict";
import { parseLsof } from "../../src/listener/darwin/lsof.ts";
import type { SocketRow } from "../../src/os/socket.ts";

const ALL = await Deno.readTextFile(new URL("../testdata/darwin/lsof_all.txt", import.meta.url));

function line({ protocol, family, localAddress, localPort, remoteAddress, remotePort, state, pid }: SocketRow): string {
  return `${protocol}${family} ${localAddress} ${localPort} ${remoteAddress} ${remotePort} ${state || "-"} ${pid}`;
}

Deno.test("parseLsof() reads listeners, connections and datagram sockets of both families", () => {
  assert.deepEqual(parseLsof(ALL).map(line), [
    "tcp6 :: 22 :: 0 LISTEN 312",
    "tcp4 0.0.0.0 22 0.0.0.0 0 LISTEN 312",
    "udp4 0.0.0.0 5353 0.0.0.0 0 - 498",
    "udp6 :: 5353 :: 0 - 498",
    "udp6 fe80::1c2b:9eff:fe44:5a10 123 :: 0 - 498",
    "tcp4 127.0.0.1 3000 0.0.0.0 0 LISTEN 733",
    "tcp4 127.0.0.1 3000 127.0.0.1 50112 ESTABLISHED 733",
    "tcp6 ::1 50113 ::1 8080 FIN_WAIT2 801",
    "tcp6 ::ffff:127.0.0.1 8080 ::ffff:127.0.0.1 50114 CLOSE_WAIT 801",
    "tcp4 192.168.1.20 50115 203.0.113.7 443 SYN_RECV 801",
    "tcp4 127.0.0.1 9000 0.0.0.0 0 CLOSE 801",
    "udp4 192.168.1.20 60010 203.0.113.7 53 - 801",
  ]);
});

Deno.test("parseLsof() reads user and identity of a socket, up to 53 bits", () => {
  const [first] = parseLsof(ALL);
  assert.deepEqual(first, {
    protocol: "tcp",
    family: 6,
    localAddress: "::",
    localPort: 22,
    remoteAddress: "::",
    remotePort: 0,
    state: "LISTEN",
    uid: 0,
    inode: 0xf4e1b9a7d3051,
    pid: 312,
  });
  const inodes = parseLsof(ALL).map(({ inode }) => inode);
  assert.equal(new Set(inodes).size, inodes.length);
  assert.ok(inodes.every((inode) => Number.isSafeInteger(inode) && inode > 0));
});

Deno.test("parseLsof() names the lowest pid of the processes that share a socket, in whatever order they come", () => {
  const file = (pid: number, device: string) => `p${pid}\nu501\nf3\ntIPv4\n${device}PTCP\nn*:80\nTST=LISTEN\n`;
  const pids = (text: string) => parseLsof(text).map(({ pid }) => pid);
  assert.deepEqual(pids(file(20, "d0xa1\n") + file(10, "d0xa1\n") + file(30, "d0xa1\n")), [10]);
  assert.deepEqual(pids(file(20, "d0xa1\n") + file(10, "d0xa2\n")), [20, 10]); // two sockets with SO_REUSEPORT
  assert.deepEqual(pids(file(20, "") + file(10, "")), [20, 10]); // nothing says that it is one
});

Deno.test("parseLsof() knows the states by every name that lsof and macOS have for them", () => {
  const stateOf = (state: string) => parseLsof(`p1\nf3\ntIPv4\nPTCP\nn*:80\nT${state}\n`)[0]?.state;
  const cases = {
    "ST=SYN_SENT": "SYN_SENT",
    "ST=SYN_RECEIVED": "SYN_RECV",
    "ST=SYN_RECV": "SYN_RECV",
    "ST=FIN_WAIT_1": "FIN_WAIT1",
    "ST=FIN_WAIT1": "FIN_WAIT1",
    "ST=CLOSING": "CLOSING",
    "ST=LAST_ACK": "LAST_ACK",
    "ST=TIME_WAIT": "TIME_WAIT",
    "ST=BOUND": "CLOSE",
    "QR=0": "CLOSE",
  };
  for (const [text, state] of Object.entries(cases)) assert.equal(stateOf(text), state, text);
});

Deno.test("parseLsof() passes over what is no socket on a port, and survives an output that is cut off anywhere", () => {
  const others = [
    "",
    "\n",
    "p1\n",
    "f3\ntIPv4\nPTCP\nn*:80\n",
    "p1\nf3\ntunix\nd0x1\nn/tmp/socket\n",
    "p1\nf3\ntsock\nPTCP\nncan't identify protocol\n",
    "p1\nf3\ntIPv4\nPICMP\nn*:*\n",
    "p1\nf3\ntIPv4\nPTCP\n",
    "p1\nf3\ntIPv4\nPTCP\nnlocalhost:http-alt\n",
    "p1\nf3\ntIPv4\nPTCP\nn*:80->nowhere\n",
  ];
  for (const text of others) assert.deepEqual(parseLsof(text), [], JSON.stringify(text));
  const most = parseLsof(ALL).length;
  for (let end = 0; end < ALL.length; end++) assert.ok(parseLsof(ALL.slice(0, end)).length <= most);
});
