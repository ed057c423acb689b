/** `GET /listeners` against the system's own `ss`, row for row. */
import assert from "node:assert/strict";
import { openLibc } from "../../src/ffi/libc.ts";
import { LinuxScanner } from "../../src/listener/linux/scan.ts";
import { SockDiagSocket } from "../../src/listener/linux/sock_diag_socket.ts";
import { Procfs } from "../../src/process/linux/procfs.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

/** netstat's names of the states that `ss` writes in its own way. */
const SS_STATES: Readonly<Record<string, string>> = {
  ESTAB: "ESTABLISHED",
  "SYN-SENT": "SYN_SENT",
  "SYN-RECV": "SYN_RECV",
  "FIN-WAIT-1": "FIN_WAIT1",
  "FIN-WAIT-2": "FIN_WAIT2",
  "TIME-WAIT": "TIME_WAIT",
  "CLOSE-WAIT": "CLOSE_WAIT",
  "LAST-ACK": "LAST_ACK",
  UNCONN: "",
};

/** `[::ffff:127.0.0.1]:80`, `127.0.0.1%lo:80` and `*:80` as address and port. */
function splitSsAddress(text: string): string {
  const colon = text.lastIndexOf(":");
  const address = text.slice(0, colon).replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  return `${address === "*" ? "::" : address} ${text.slice(colon + 1).replace("*", "0")}`;
}

/** The rows of `ss -tuanp` as `protocol local remote state`, with the pids that may be meant. */
async function ssRows(ports: ReadonlySet<number>): Promise<Map<string, Set<number>>> {
  const stdout = await runTool("ss", ["-tuanpH"]);
  const rows = new Map<string, Set<number>>();
  for (const line of stdout.trim().split("\n")) {
    const [protocol, state, , , local, remote, users = ""] = line.trim().split(/\s+/);
    const key = `${protocol} ${splitSsAddress(local!)} ${splitSsAddress(remote!)} ${
      protocol === "udp" ? "" : SS_STATES[state!] ?? state
    }`;
    const isOurs = [local!, remote!].some((address) => ports.has(Number(address.slice(address.lastIndexOf(":") + 1))));
    if (isOurs) rows.set(key, new Set([...users.matchAll(/pid=(\d+)/g)].map(([, pid]) => Number(pid))));
  }
  return rows;
}

/** Sockets of many kinds, and what closes them again. */
async function openSockets(): Promise<{ readonly ports: ReadonlySet<number>; readonly close: () => void }> {
  const closers: (() => void)[] = [];
  const ports = new Set<number>();
  for (let i = 0; i < 60; i++) {
    const hostname = ["127.0.0.1", "0.0.0.0", "::1", "::"][i % 4]!;
    const listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const udp = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
    const client = await Deno.connect({ hostname: hostname.includes(":") ? "::1" : "127.0.0.1", port });
    const server = await listener.accept();
    ports.add(port).add((udp.addr as Deno.NetAddr).port);
    if (i % 3 === 0) server.close(); // the client's end is left in CLOSE_WAIT, the server's in FIN_WAIT2
    else closers.push(() => server.close());
    if (i % 6 === 0) {
      await client.read(new Uint8Array(1));
      client.close(); // and this one in TIME_WAIT
    } else closers.push(() => client.close());
    closers.push(() => listener.close(), () => udp.close());
  }
  return { ports, close: () => closers.forEach((close) => close()) };
}

osTest("a full scan agrees with ss row for row, pids included", [linux, tools("ss")], async () => {
  const { ports, close } = await openSockets();
  const libc = openLibc();
  const scanner = new LinuxScanner(new Procfs(libc), SockDiagSocket.open(libc));
  try {
    const rows = (await scanner.sockets({ connections: true })).filter(({ localPort, remotePort }) =>
      ports.has(localPort) || ports.has(remotePort)
    );
    const theirs = await ssRows(ports);
    const ours = new Map((await scanner.identify(rows)).map((row) => [
      `${row.protocol} ${row.localAddress} ${row.localPort} ${row.remoteAddress} ${row.remotePort} ${row.state}`,
      row.pid,
    ]));
    assert.deepEqual([...ours.keys()].sort(), [...theirs.keys()].sort());
    assert.ok(ours.size > 200, `only ${ours.size} rows`);
    const states = new Set(rows.map(({ state }) => state));
    for (const state of ["LISTEN", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT2", "TIME_WAIT", ""] as const) {
      assert.ok(states.has(state), `no ${state || "UDP"}`);
    }
    for (const [row, pid] of ours) {
      const pids = theirs.get(row)!;
      assert.ok(pid === null ? pids.size === 0 : pids.has(pid), `${row}: ${pid} is none of ${[...pids]}`);
    }
  } finally {
    scanner.close();
    close();
  }
});
