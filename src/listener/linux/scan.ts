/** Sockets on Linux from `/proc/net`, their processes from `/proc/<pid>/fd`. Manual: proc_pid_fd(5). */
import type { Protocol } from "../../lease/lease.ts";
import type { Procfs } from "../../process/linux/procfs.ts";
import type { Listener, SocketRow } from "../listener.ts";
import type { Endpoint, Scanner } from "../scan.ts";
import { parseSocketTable, type SocketTableFilter } from "./socket_table.ts";

/** Processes looked through before the event loop gets its turn. */
const PROCESSES_A_TURN = 64;

/** Reads what `/proc` shows this user. */
export class LinuxScanner implements Scanner {
  readonly #procfs: Procfs;

  constructor(procfs: Procfs) {
    this.#procfs = procfs;
  }

  async listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]> {
    const ports: Record<Protocol, Set<number>> = { tcp: new Set(), udp: new Set() };
    for (const { protocol, port } of endpoints) ports[protocol].add(port);
    const [tcp, udp] = await Promise.all([
      this.#rows("tcp", (port, state) => state === "LISTEN" && ports.tcp.has(port), ports.tcp.size),
      this.#rows("udp", (port) => ports.udp.has(port), ports.udp.size),
    ]);
    return [...tcp, ...udp.filter(({ remotePort }) => remotePort === 0)];
  }

  async socketsOn({ protocol, port }: Endpoint): Promise<readonly SocketRow[]> {
    return await this.#rows(protocol, (localPort) => localPort === port, 1);
  }

  async identify(rows: readonly SocketRow[]): Promise<readonly Listener[]> {
    const owners = await this.#owners(new Set(rows.map(({ inode }) => inode)));
    return rows.map((row) => ({ ...row, pid: owners.get(row.inode) ?? null }));
  }

  async #rows(
    protocol: Protocol,
    wanted: NonNullable<SocketTableFilter["wanted"]>,
    count: number,
  ): Promise<SocketRow[]> {
    if (count === 0) return [];
    const texts = await Promise.all(
      [protocol, `${protocol}6`].map((name) => this.#procfs.readLarge(`/proc/net/${name}`)),
    );
    return texts.flatMap((text) => [...parseSocketTable(text ?? "", protocol, { wanted })]);
  }

  /** Inode → pid of a process that has the socket open; the lowest pid where several share it. */
  async #owners(inodes: Set<number>): Promise<Map<number, number>> {
    const owners = new Map<number, number>();
    inodes.delete(0); // a socket in TIME_WAIT has none
    if (inodes.size === 0) return owners;
    const pids = (this.#procfs.list("/proc") ?? []).map(Number).filter((pid) => pid > 0).sort((a, b) => a - b);
    for (const [i, pid] of pids.entries()) {
      if (i % PROCESSES_A_TURN === PROCESSES_A_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
      for (const inode of this.#socketsOf(pid)) {
        if (inodes.has(inode) && !owners.has(inode)) owners.set(inode, pid);
      }
      if (owners.size === inodes.size) break;
    }
    return owners;
  }

  *#socketsOf(pid: number): Generator<number> {
    for (const descriptor of this.#procfs.list(`/proc/${pid}/fd`) ?? []) {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(this.#procfs.link(`/proc/${pid}/fd/${descriptor}`) ?? "") ?? [];
      if (inode !== undefined) yield Number(inode);
    }
  }
}
