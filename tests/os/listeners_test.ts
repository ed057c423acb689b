/** What portd lists against the system's own `ss`, row for row, in a network namespace with sockets of every kind. */
import assert from "node:assert/strict";
import type { ListedSocket } from "../../src/client/client.ts";
import { GenericHolds } from "../../src/hold/generic.ts";
import { DarwinScanner } from "../../src/listener/darwin/scan.ts";
import { TCP_STATES } from "../../src/os/socket.ts";
import { Installation } from "../support/os/installation.ts";
import { linesOf } from "../support/os/lines.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

const SOCKETS = new URL("../support/os/sockets.py", import.meta.url).pathname;

/** netstat's names of the states, by those of `ss`. */
const SS_STATES: Readonly<Record<string, string>> = {
  ESTAB: "ESTABLISHED",
  "SYN-SENT": "SYN_SENT",
  "SYN-RECV": "SYN_RECV",
  "FIN-WAIT-1": "FIN_WAIT1",
  "FIN-WAIT-2": "FIN_WAIT2",
  "TIME-WAIT": "TIME_WAIT",
  "CLOSE-WAIT": "CLOSE_WAIT",
  "LAST-ACK": "LAST_ACK",
};

/** A new network namespace with open sockets. Disposing of it closes them, and with them the namespace. */
interface SocketNamespace extends AsyncDisposable {
  /** How many sockets were opened. */
  readonly opened: number;
  /** Words in front of a command that is to run in the namespace. */
  readonly enter: readonly string[];
}

async function openSockets(): Promise<SocketNamespace> {
  const child = new Deno.Command("unshare", { args: ["--net", "python3", SOCKETS], stdin: "piped", stdout: "piped" })
    .spawn();
  const output = linesOf(child.stdout);
  const { value: line } = await output.next();
  await output.return();
  const { opened } = JSON.parse(line ?? "null") as { readonly opened: number };
  return {
    opened,
    enter: ["nsenter", `--net=/proc/${child.pid}/ns/net`],
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
    },
  };
}

/** A row as both sides can show it. */
interface Row {
  readonly protocol: string;
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly pid: number | null;
}

/** The rows of `ss -tuanp`; of several processes that share a socket, the lowest pid. */
function ssRows(text: string): Row[] {
  return text.trim().split("\n").map((line) => {
    const [protocol, state, , , local, remote, users = ""] = line.trim().split(/\s+/);
    const pids = [...users.matchAll(/pid=(\d+)/g)].map(([, pid]) => Number(pid));
    return {
      protocol: protocol!,
      local: ssEndpoint(local!),
      remote: ssEndpoint(remote!, ssEndpoint(local!)),
      state: protocol === "udp" ? "" : SS_STATES[state!] ?? state!,
      pid: pids.length === 0 ? null : Math.min(...pids),
    };
  });
}

/**
 * `[::ffff:127.0.0.1]:80`, `127.0.0.1%lo:80`, `*:80` (both families) and `0.0.0.0:*` as address and port.
 *
 * @param peer gives the family of a remote `*`.
 */
function ssEndpoint(text: string, peer = "::"): string {
  const colon = text.lastIndexOf(":");
  const address = text.slice(0, colon).replace(/%[^\]]*$/, "").replace(/^\[(.*)\]$/, "$1");
  const any = peer.includes(":") ? "::" : "0.0.0.0";
  return `${address === "*" ? any : address} ${text.slice(colon + 1).replace("*", "0")}`;
}

function ourRow(socket: Omit<ListedSocket, "process" | "lease" | "forwarder" | "ofHolder">): Row {
  const { protocol, localAddress, localPort, remoteAddress, remotePort, state, pid } = socket;
  return { protocol, local: `${localAddress} ${localPort}`, remote: `${remoteAddress} ${remotePort}`, state, pid };
}

/** Without the connections to portd: they are in its list, and have another state afterwards. */
function withoutCalls(rows: readonly Row[], port: string): Row[] {
  return rows.filter(({ local, remote, state }) =>
    state === "LISTEN" || ![local, remote].some((end) => end.endsWith(` ${port}`))
  );
}

/** A multiset as a sorted list: equal rows stay as many as they are. */
function lines(rows: readonly Row[]): string[] {
  return rows.map(({ protocol, local, remote, state, pid }) =>
    `${protocol} ${local} ${remote} ${state || "-"} ${pid ?? "-"}`
  ).sort();
}

osTest("portd ps agrees with ss row for row, pids included, over 300 sockets of every kind", [
  linux,
  root, // it makes a network namespace
  tools("ss", "ip", "unshare", "nsenter", "python3"),
], async () => {
  await using namespace = await openSockets();
  assert.ok(namespace.opened >= 300, `only ${namespace.opened} sockets`);
  const [enter, ...where] = namespace.enter as [string, ...string[]];
  // The kernel gave the sockets higher ports: this one is free in the namespace.
  await using installation = await Installation.create({ env: { PORTD_LISTEN: "127.0.0.1:7678" } });
  const portd = async (...args: readonly string[]) => {
    const command = installation.command(args, { before: [enter, ...where], stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    assert.ok(success, `portd ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  };
  const listed = async (...args: readonly string[]) =>
    (JSON.parse(await portd("ps", ...args, "--json")) as { readonly listeners: ListedSocket[] }).listeners;
  // The daemon runs in the namespace too, and holds ports there.
  for (const name of ["web", "api", "worker"]) await portd("lease", name);
  const { port } = new URL((await installation.daemon()).url);

  const all = await listed("--all");
  const theirs = ssRows(await runTool(enter, [...where, "ss", "-tuanpH"]));
  const ours = withoutCalls(all.map(ourRow), port);
  assert.deepEqual(lines(ours), lines(withoutCalls(theirs, port)));
  const listening = (await listed()).map(ourRow);
  assert.deepEqual(lines(listening), lines(ssRows(await runTool(enter, [...where, "ss", "-tulnpH"]))));
  await portd("stop");

  assert.ok(ours.length >= 300, `only ${ours.length} rows`);
  assert.ok(new Set(lines(ours)).size < ours.length, "no rows are equal");
  assert.ok(new Set(ours.map(({ pid }) => pid)).size > 4, "not enough processes");
  const states = new Set(ours.map(({ state }) => state));
  assert.deepEqual([...TCP_STATES, ""].filter((state) => !states.has(state)), ["CLOSE"]);
  for (const { family, localAddress } of all) assert.equal(family, localAddress.includes(":") ? 6 : 4);
});

osTest("what the scanner of macOS reads from lsof is what ss shows of the sockets of processes", [
  linux,
  root,
  tools("ss", "ip", "unshare", "nsenter", "python3", "lsof"),
], async () => {
  await using namespace = await openSockets();
  const [enter, ...where] = namespace.enter as [string, ...string[]];
  const scanner = new DarwinScanner(new GenericHolds(), [enter, ...where, "lsof"]);
  const rows = await scanner.sockets({ connections: true });
  // lsof lists what processes have open: not a connection that nobody has accepted, or that has lost its process.
  const theirs = ssRows(await runTool(enter, [...where, "ss", "-tuanpH"])).filter(({ pid }) => pid !== null);
  assert.deepEqual(lines(rows.map(ourRow)), lines(theirs));
  assert.ok(rows.length >= 300, `only ${rows.length} rows`);
  assert.equal(new Set(rows.map(({ inode }) => inode)).size, rows.length);
  const listening = await scanner.sockets({ connections: false });
  assert.deepEqual(lines(listening.map(ourRow)), lines(ssRows(await runTool(enter, [...where, "ss", "-tulnpH"]))));
});
