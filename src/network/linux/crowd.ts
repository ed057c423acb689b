/**
 * Limiting connections on Linux. Deno accepts connections until no descriptor is left, then closes the listening socket,
 * and has no setting for either. So descriptors are counted from time to time, and when few are left connections are
 * shut down by their descriptor, and Deno closes them. Manuals: getpeername(2), shutdown(2), proc(5), sock_diag(7).
 */
import type { WriteLine } from "../../log_line.ts";
import { EBADF, errno, type Libc, raiseOpenFileLimit, reservedOf, shortTurns } from "../../os/linux/libc.ts";
import { SockDiagSocket } from "../../os/linux/sock_diag_socket.ts";
import { readSocketAddress, SOCKET_ADDRESS_SIZE } from "../../os/linux/socket_address.ts";
import { type CallerConnection, excess } from "../fair_share.ts";

const ESTABLISHED = 1 << 1, SHUT_RDWR = 2;
/** At most so many connections come: the next count is made before they can have taken all descriptors that are left. */
const CONNECTIONS_A_MS = 20;
/** Waking up for a count is much of what an idle daemon costs. */
const MOST_PAUSE_MS = 5000, FAR_PAUSE_MS = 500, NEAR_PAUSE_MS = 50;
/** While somebody floods the port, descriptors are counted more often. */
const FLOOD_PAUSE_MS = 5, FLOOD_COUNTS = 400;
const LOG_PAUSE_MS = 60_000;
const DESCRIPTORS = new TextEncoder().encode("/proc/self/fd\0");
const NULL_DEVICE = new TextEncoder().encode("/dev/null\0");
const AT_FDCWD = -100, STATX_SIZE = 0x200, STATX_BYTES = 256, SIZE_OFFSET = 40;

interface Connection {
  readonly descriptor: number;
  readonly peer: string;
}

/**
 * The connections to one port of this process. It counts descriptors every 0.5 to 5 seconds, depending on how many are
 * left, and more often when more than half are open. One count takes some microseconds.
 */
export class LinuxCrowd {
  readonly #libc: Libc;
  readonly #log: WriteLine;
  readonly #limit: number;
  readonly #reserve: number;
  /** Opened with the watch: later there may be no descriptor for it. */
  #diag: SockDiagSocket | undefined;
  readonly #ours: ReadonlySet<string>;
  readonly #address = new Uint8Array(SOCKET_ADDRESS_SIZE);
  #port = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #floodCounts = 0;
  #relieving: Promise<void> | undefined;
  /** Peers whose connections are to be cut. */
  readonly #unwanted = new Set<string>();
  #cutting: Promise<void> | undefined;
  #loggedAt = -Infinity;

  constructor(libc: Libc, log: WriteLine) {
    this.#libc = libc;
    this.#log = log;
    this.#limit = raiseOpenFileLimit(libc);
    this.#reserve = reservedOf(this.#limit);
    this.#ours = new Set([nameOf(0), nameOf(Deno.uid()!)]);
  }

  /** From now on cuts connections when descriptors run out, first those of the caller who has most. */
  watch(port: number): void {
    this.#port = port;
    this.#diag ??= SockDiagSocket.open(this.#libc);
    this.#timer ??= setTimeout(() => this.#check(), FAR_PAUSE_MS);
  }

  /** Ends the watch. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#diag?.close();
    this.#diag = undefined;
  }

  /** Cuts the connection of a peer soon; what it has not taken is lost. */
  cut({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): void {
    this.#unwanted.add(endpoint(hostname, port));
    this.#cutting ??= this.#cutUnwanted().finally(() => this.#cutting = undefined);
  }

  async #cutUnwanted(): Promise<void> {
    while (this.#unwanted.size > 0) {
      await shortTurns(this.#libc).next(); // several are looked for at once
      const unwanted = new Set(this.#unwanted);
      this.#unwanted.clear();
      for (const each of await this.#connections()) if (unwanted.has(each.peer)) this.#cut(each);
    }
  }

  /** Cuts connections at once: for when there was no descriptor for a connection. */
  relieve(): Promise<void> {
    return this.#relieving ??= this.#relieve().finally(() => this.#relieving = undefined);
  }

  /** Holds take nothing of the reserve: when half of it is gone, connections have it. */
  async #check(): Promise<void> {
    if (this.#floodCounts > 0) this.#floodCounts--;
    const open = this.#open(), most = this.#limit - this.#reserve / 2;
    if (open > most) await this.relieve();
    if (this.#timer === undefined) return; // stopped meanwhile
    this.#timer = setTimeout(() => this.#check(), this.#floodCounts > 0 ? FLOOD_PAUSE_MS : pauseMs(open, most));
  }

  async #relieve(): Promise<void> {
    const connections = await this.#callers();
    const room = connections.length - (this.#open() - (this.#limit - this.#reserve * 3 / 4));
    const least = Math.floor(this.#reserve / 8);
    const cut = excess(connections, {
      room: Math.max(room, least),
      mostOfOne: least,
      isOurs: (caller) => this.#ours.has(caller),
    }).filter((each) => this.#cut(each));
    if (cut.length > 0) {
      this.#floodCounts = FLOOD_COUNTS;
      this.#logCut(cut, connections.length);
    }
    await shortTurns(this.#libc).next(); // Deno closes them
  }

  #logCut(cut: readonly CallerConnection[], all: number): void {
    if (performance.now() - this.#loggedAt < LOG_PAUSE_MS) return;
    this.#loggedAt = performance.now();
    const callers = [...new Set(cut.map(({ caller }) => caller))].slice(0, 3).join(", ");
    this.#log(`cut ${cut.length} of ${all} connections, as descriptors ran out; their callers: ${callers}`, "warning");
  }

  /** Cuts a connection. @returns false when it has ended meanwhile. */
  #cut({ descriptor, peer }: Connection): boolean {
    return this.#peerOf(descriptor) === peer && this.#libc.shutdown(descriptor, SHUT_RDWR) === 0;
  }

  /** The connections to our port with their callers. */
  async #callers(): Promise<(Connection & CallerConnection)[]> {
    const users = this.#users();
    return (await this.#connections()).map((each) => {
      return { ...each, caller: users.get(each.peer) ?? each.peer.slice(0, each.peer.indexOf(" ")) };
    });
  }

  /** The connections to our port by descriptor, the oldest ones mostly first. */
  async #connections(): Promise<Connection[]> {
    const turns = shortTurns(this.#libc);
    const connections: Connection[] = [];
    let left = this.#open();
    for (let descriptor = 0; descriptor < this.#limit && left > 0; descriptor++) {
      const peer = this.#peerOf(descriptor);
      if (peer !== null) left--;
      if (peer) connections.push({ descriptor, peer });
      if (turns.isOver) await turns.next();
    }
    return connections;
  }

  /** Users of this machine by the endpoints from which they call our port; none where the kernel does not say. */
  #users(): ReadonlyMap<string, string> {
    try {
      const rows = ([4, 6] as const).flatMap((family) =>
        this.#diag?.list({ family, protocol: "tcp", states: ESTABLISHED }) ?? []
      );
      const toUs = rows.filter(({ remotePort }) => remotePort === this.#port);
      return new Map(toUs.map(({ localAddress, localPort, uid }) => [endpoint(localAddress, localPort), nameOf(uid!)]));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("Cannot list sockets")) throw error;
      this.#log(`cannot see whose connections these are: ${error.message}`, "warning");
      return new Map();
    }
  }

  /** The other end of a connection to our port; `undefined` for any other descriptor, null where there is none. */
  #peerOf(descriptor: number): string | undefined | null {
    const length = () => new Uint32Array([SOCKET_ADDRESS_SIZE]);
    if (this.#libc.getpeername(descriptor, this.#address, length()) !== 0) {
      return errno(this.#libc) === EBADF ? null : undefined;
    }
    const peer = readSocketAddress(this.#address);
    if (peer === undefined || this.#libc.getsockname(descriptor, this.#address, length()) !== 0) return undefined;
    return readSocketAddress(this.#address)?.port === this.#port ? endpoint(peer.address, peer.port) : undefined;
  }

  /** How many descriptors are open; before Linux 6.2 the lowest one that is not. */
  #open(): number {
    const status = new Uint8Array(STATX_BYTES);
    if (this.#libc.statx(AT_FDCWD, DESCRIPTORS, 0, STATX_SIZE, status) !== 0) return this.#limit;
    const count = Number(new DataView(status.buffer).getBigUint64(SIZE_OFFSET, true));
    if (count > 0) return count;
    const descriptor = this.#libc.open(NULL_DEVICE, 0);
    if (descriptor < 0) return this.#limit;
    this.#libc.close(descriptor);
    return descriptor;
  }
}

/** How long until the next count. */
function pauseMs(open: number, most: number): number {
  if (open > most / 2) return NEAR_PAUSE_MS;
  return Math.max(FAR_PAUSE_MS, Math.min(MOST_PAUSE_MS, (most - open) / CONNECTIONS_A_MS));
}

function nameOf(uid: number): string {
  return `user ${uid}`;
}

/** An address and a port, also an IPv4 address that an IPv6 socket shows. */
function endpoint(address: string, port: number): string {
  return `${address.replace(/^::ffff:(?=\d+\.)/, "")} ${port}`;
}
