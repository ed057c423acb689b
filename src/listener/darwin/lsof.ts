/**
 * Reads the output of `lsof -F`: one line for each field, a letter and its value. Manual: lsof(8), "OUTPUT FOR OTHER
 * PROGRAMS". Pure.
 *
 * A process begins with `p`, each of its open files with `f`; the fields that follow belong to it until the next one.
 */
import type { SocketRow, SocketState } from "../../os/socket.ts";

/** The fields that {@linkcode parseLsof} reads: process, user, file, type, device, protocol, name, TCP state. */
export const LSOF_FIELDS = "puftdPnT";

/** The states as macOS or lsof write them, in netstat's words. */
const STATES: Readonly<Record<string, SocketState>> = {
  LISTEN: "LISTEN",
  SYN_SENT: "SYN_SENT",
  SYN_RCVD: "SYN_RECV",
  SYN_RCDV: "SYN_RECV",
  SYN_RECEIVED: "SYN_RECV",
  SYN_RECV: "SYN_RECV",
  ESTABLISHED: "ESTABLISHED",
  CLOSE_WAIT: "CLOSE_WAIT",
  FIN_WAIT_1: "FIN_WAIT1",
  FIN_WAIT1: "FIN_WAIT1",
  FIN_WAIT_2: "FIN_WAIT2",
  FIN_WAIT2: "FIN_WAIT2",
  CLOSING: "CLOSING",
  LAST_ACK: "LAST_ACK",
  TIME_WAIT: "TIME_WAIT",
};

/** All others, such as CLOSED and BOUND: the socket has a port and nothing else. */
const OTHER_STATE: SocketState = "CLOSE";

const ANY_ADDRESS = { 4: "0.0.0.0", 6: "::" } as const;

/**
 * Reads the sockets of an output, one row for each socket that has a port. Of several processes that share a socket,
 * the row names the one with the lowest pid. Lines that are not understood are skipped.
 */
export function parseLsof(text: string): SocketRow[] {
  const rows = new Map<string, SocketRow>();
  let place = 0;
  for (const fields of filesOf(text)) {
    const row = parseFile(fields);
    if (row === undefined || row.localPort === 0) continue;
    const key = row.inode === 0 ? `file ${place++}` : `${row.protocol} ${row.inode}`;
    const known = rows.get(key);
    if (known === undefined || row.pid! < known.pid!) rows.set(key, row);
  }
  return [...rows.values()];
}

/** The values of one open file and its process, by letter; of `T`, which comes several times, only the state. */
type Fields = ReadonlyMap<string, string>;

function* filesOf(text: string): Generator<Fields> {
  let process = new Map<string, string>();
  let file: Map<string, string> | undefined;
  for (const line of text.split("\n")) {
    const letter = line.slice(0, 1), value = line.slice(1);
    if (letter === "p" || letter === "f") {
      if (file !== undefined) yield file;
      if (letter === "p") process = new Map([["p", value]]);
      file = letter === "f" ? new Map(process) : undefined;
    } else if (file === undefined) process.set(letter, value);
    else if (letter !== "T") file.set(letter, value);
    else if (value.startsWith("ST=")) file.set("T", value.slice(3));
  }
  if (file !== undefined) yield file;
}

function parseFile(fields: Fields): SocketRow | undefined {
  const type = fields.get("t"),
    protocol = fields.get("P")?.toLowerCase(),
    name = fields.get("n"),
    pid = fields.get("p");
  if ((type !== "IPv4" && type !== "IPv6") || (protocol !== "tcp" && protocol !== "udp")) return undefined;
  if (name === undefined || pid === undefined) return undefined;
  const family = type === "IPv4" ? 4 : 6;
  const [local, remote] = name.split("->");
  const from = parseEndpoint(local!, family), to = parseEndpoint(remote ?? "*:*", family);
  if (from === undefined || to === undefined) return undefined;
  const uid = fields.get("u");
  return {
    protocol,
    family,
    localAddress: from.address,
    localPort: from.port,
    remoteAddress: to.address,
    remotePort: to.port,
    state: protocol === "udp" ? "" : STATES[fields.get("T") ?? ""] ?? OTHER_STATE,
    uid: uid === undefined ? null : Number(uid),
    inode: parseDevice(fields.get("d") ?? ""),
    pid: Number(pid),
  };
}

/** `127.0.0.1:80`, `[::1]:80`, `*:80`, `*:*`; an IPv6 socket that carries IPv4 has plain IPv4 addresses. */
function parseEndpoint(text: string, family: 4 | 6): { readonly address: string; readonly port: number } | undefined {
  const [, bracketed, plain = "", port] = /^(?:\[([^\]]+)\]|([^[\]:]+)):(\*|\d+)$/.exec(text) ?? [];
  if (port === undefined) return undefined;
  const mapped = family === 6 && plain !== "*" ? `::ffff:${plain}` : plain;
  const address = bracketed === undefined ? mapped : withoutScope(bracketed.toLowerCase());
  return { address: address === "*" ? ANY_ADDRESS[family] : address, port: port === "*" ? 0 : Number(port) };
}

/** A link-local address without its interface, which comes after a `%` or, in the kernel of macOS, as second group. */
function withoutScope(address: string): string {
  return address.replace(/%.*$/, "").replace(/^fe80:[0-9a-f]{1,4}::/, "fe80::");
}

/** What identifies a socket: its address in the kernel (macOS) or its inode (Linux), cut to 53 bits. */
function parseDevice(text: string): number {
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(BigInt.asUintN(53, BigInt(text))) : 0;
}
