/**
 * Sockets on Linux: listeners over netlink, or from `/proc/net` where there is no netlink; their processes from
 * `/proc/<pid>/fd`. Manuals: sock_diag(7), proc_pid_net(5), proc_pid_fd(5).
 */
import { type Libc, shortTurns } from "../../os/linux/libc.ts";
import type { LinuxParts } from "../../os/linux/linux.ts";
import type { Procfs } from "../../os/linux/procfs.ts";
import {
  ALL_STATES,
  BOUND_STATE,
  type DiagRequest,
  LISTENING_STATES,
  listsBoundSockets,
} from "../../os/linux/sock_diag.ts";
import type { SockDiagSocket } from "../../os/linux/sock_diag_socket.ts";
import type { SocketRow, SocketState } from "../../os/socket.ts";
import { type Endpoint, type Protocol, PROTOCOLS } from "../../port/port.ts";
import type { Scanner } from "../listener.ts";

const NOBODY: readonly number[] = [];

/** Sees what the kernel shows this user. */
export class LinuxScanner implements Scanner {
  readonly #procfs: Procfs;
  readonly #sockDiag: SockDiagSocket | undefined;
  readonly #libc: Libc;

  /** @param sockDiag is `undefined` where the kernel has no such interface. */
  constructor({ libc, procfs }: LinuxParts, sockDiag: SockDiagSocket | undefined) {
    this.#procfs = procfs;
    this.#sockDiag = sockDiag;
    this.#libc = libc;
  }

  async listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]> {
    const ports: Record<Protocol, Set<number>> = { tcp: new Set(), udp: new Set() };
    for (const { protocol, port } of endpoints) ports[protocol].add(port);
    const [tcp, udp] = await Promise.all([this.#listening("tcp", ports.tcp), this.#listening("udp", ports.udp)]);
    return [...tcp, ...udp];
  }

  async sockets({ connections }: { readonly connections: boolean }): Promise<readonly SocketRow[]> {
    const rows: SocketRow[] = [];
    for (const protocol of PROTOCOLS) {
      const states = connections ? ALL_STATES : LISTENING_STATES[protocol];
      rows.push(...await this.#inStates(protocol, states));
    }
    return connections ? rows : rows.filter(({ remotePort }) => remotePort === 0);
  }

  close(): void {
    this.#sockDiag?.close();
  }

  async socketsOn({ protocol, port }: Endpoint): Promise<readonly SocketRow[]> {
    return await this.#procfs.sockets(protocol, (localPort) => localPort === port);
  }

  async boundOn(port: number): Promise<readonly SocketRow[] | undefined> {
    const release = this.#procfs.read("/proc/sys/kernel/osrelease") ?? "";
    if (this.#sockDiag === undefined || !listsBoundSockets(release)) return undefined;
    return await walk(this.#sockDiag, { protocol: "tcp", states: BOUND_STATE, port });
  }

  async identify(rows: readonly SocketRow[]): Promise<readonly SocketRow[]> {
    const owners = await this.#owners(rows);
    return rows.map((row) => withSharers(row, owners.get(row.inode) ?? NOBODY));
  }

  async #listening(protocol: Protocol, ports: ReadonlySet<number>): Promise<SocketRow[]> {
    if (ports.size === 0) return [];
    const sockDiag = this.#sockDiag;
    if (sockDiag === undefined) {
      const isWanted = (port: number, state: SocketState) => isListening(protocol, state) && ports.has(port);
      const rows = await this.#procfs.sockets(protocol, isWanted);
      return rows.filter(({ remotePort }) => remotePort === 0);
    }
    const states = LISTENING_STATES[protocol];
    return ([4, 6] as const).flatMap((family) => sockDiag.list({ family, protocol, states }))
      .filter(({ localPort }) => ports.has(localPort));
  }

  async #inStates(protocol: Protocol, states: number): Promise<SocketRow[]> {
    if (this.#sockDiag !== undefined) return await walk(this.#sockDiag, { protocol, states });
    const isWanted = (_: number, state: SocketState) => states === ALL_STATES || isListening(protocol, state);
    return await this.#procfs.sockets(protocol, isWanted);
  }

  /** Inode → the processes that have the socket open, lowest pid first: servers share theirs with their forks. */
  async #owners(rows: readonly SocketRow[]): Promise<ReadonlyMap<number, readonly number[]>> {
    const owners = new Map<number, readonly number[]>();
    for (const { inode } of rows) if (inode !== 0) owners.set(inode, NOBODY); // a socket in TIME_WAIT has none
    if (owners.size === 0) return owners;
    const pids = (this.#procfs.list("/proc") ?? []).map(Number).filter((pid) => pid > 0).sort((a, b) => a - b);
    const turns = shortTurns(this.#libc);
    for (const pid of pids) {
      const alone = [pid]; // most sockets belong to one process: they share this list
      for (const part of this.#procfs.socketInodes(pid)) {
        for (const inode of part) {
          const known = owners.get(inode);
          if (known === NOBODY) owners.set(inode, alone);
          else if (known !== undefined && known.at(-1) !== pid) owners.set(inode, [...known, pid]);
        }
        if (turns.isOver) await turns.next();
      }
    }
    return owners;
  }
}

/** The sockets of both families, datagram by datagram: the event loop goes on in between. */
async function walk(sockDiag: SockDiagSocket, request: Omit<DiagRequest, "family">): Promise<SocketRow[]> {
  const rows: SocketRow[] = [];
  for (const family of [4, 6] as const) {
    for await (const part of sockDiag.walk({ family, ...request })) rows.push(...part);
  }
  return rows;
}

/** Member by member, which is several times quicker than a spread: there may be tens of thousands of rows. */
function withSharers(row: SocketRow, sharers: readonly number[]): SocketRow {
  const { protocol, family, localAddress, localPort, remoteAddress, remotePort, state, uid, inode } = row;
  const pid = sharers[0] ?? null;
  return { protocol, family, localAddress, localPort, remoteAddress, remotePort, state, uid, inode, pid, sharers };
}

function isListening(protocol: Protocol, state: SocketState): boolean {
  return protocol === "udp" || state === "LISTEN";
}
