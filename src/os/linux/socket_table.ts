/** The tables `/proc/net/{tcp,tcp6,udp,udp6}`. Manual: proc_pid_net(5). Pure. */
import type { Protocol } from "../../port/port.ts";
import { addressText } from "../address.ts";
import { type RowFilter, type SocketRow, type SocketState, TCP_STATES } from "../socket.ts";

/** The kernel's last number, 12, is a connection request that is not a socket yet. */
const STATES: readonly SocketState[] = [...TCP_STATES, "SYN_RECV"];

/** The state with this number in the kernel; UDP sockets have none. */
export function stateOf(protocol: Protocol, number: number): SocketState {
  return protocol === "udp" ? "" : STATES[number - 1] ?? "";
}

/** Reads the wanted rows of one table, or all. The heading and a cut last line are skipped. */
export function* parseSocketTable(text: string, protocol: Protocol, isWanted?: RowFilter): Generator<SocketRow> {
  let start = text.indexOf("\n") + 1;
  while (start > 0 && start < text.length) {
    const end = text.indexOf("\n", start);
    if (end < 0) return;
    const row = parseRow(text.slice(start, end), protocol, isWanted);
    if (row !== undefined) yield row;
    start = end + 1;
  }
}

function parseRow(line: string, protocol: Protocol, isWanted: RowFilter | undefined): SocketRow | undefined {
  const [, local, remote, hexState, , , , uid, , inode] = line.trim().split(/\s+/);
  if (local === undefined || remote === undefined || hexState === undefined || inode === undefined) return undefined;
  const [localHex, localPortHex] = local.split(":") as [string, string];
  const [remoteHex, remotePortHex] = remote.split(":") as [string, string];
  const localPort = parseInt(localPortHex, 16);
  const state = stateOf(protocol, parseInt(hexState, 16));
  if (isWanted?.(localPort, state) === false) return undefined;
  return {
    protocol,
    family: localHex.length === 8 ? 4 : 6,
    localAddress: parseAddress(localHex),
    localPort,
    remoteAddress: parseAddress(remoteHex),
    remotePort: parseInt(remotePortHex, 16),
    state,
    uid: Number(uid),
    inode: Number(inode),
    pid: null,
  };
}

/** An address as the kernel prints it: 32-bit words in the machine's byte order (little-endian wherever Deno runs). */
export function parseAddress(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let byte = 6; byte >= 0; byte -= 2) bytes.push(parseInt(hex.slice(word + byte, word + byte + 2), 16));
  }
  return addressText(bytes);
}
