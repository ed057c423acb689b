/** A virtual kernel: who is bound to which port, which processes run, and the three interfaces by which portd asks. */
import type { Claim, ClaimOptions, HoldKind, Holds } from "../../src/hold/hold.ts";
import type { Scanner } from "../../src/listener/listener.ts";
import type { SocketRow } from "../../src/os/socket.ts";
import type { Endpoint, Protocol } from "../../src/port/port.ts";
import type { Process, Processes, ProcessIdentity } from "../../src/process/process.ts";
import type { Pending } from "./pending.ts";
import type { Random } from "./random.ts";

/** A server of somebody. */
export interface Server {
  readonly protocol: Protocol;
  readonly port: number;
  readonly pid: number;
  readonly inode: number;
}

/** Options of {@linkcode Kernel}. */
export interface KernelOptions {
  readonly pending: Pending;
  readonly random: Random;
  /** Ports that bind(0) gives. */
  readonly ephemeral: readonly number[];
  /** How many holds portd may keep. */
  readonly mostHolds: number;
}

/** The machine of one sequence. */
export class Kernel {
  readonly servers = new Map<string, Server>();
  readonly processes = new Map<number, Process>();
  /** Ports on which portd has a bound socket. */
  readonly held = new Set<number>();
  boot = 1;
  /** No descriptor is left for another socket. */
  isOutOfDescriptors = false;
  readonly options: KernelOptions;
  #count = 0;

  constructor(options: KernelOptions) {
    this.options = options;
  }

  get bootId(): string {
    return `boot-${this.boot}`;
  }

  /** Whether portd could bind the port now. */
  wouldGive(port: number, protocols: readonly Protocol[]): boolean {
    return protocols.every((protocol) => !this.servers.has(`${protocol}:${port}`)) &&
      !(protocols.includes("tcp") && this.held.has(port));
  }

  /** Somebody starts a server. @returns whether the kernel lets it. */
  listen(endpoint: Endpoint, { pid, reuse }: { readonly pid: number; readonly reuse: boolean }): boolean {
    const { protocol, port } = endpoint, key = `${protocol}:${port}`;
    if (this.servers.has(key) || (protocol === "tcp" && this.held.has(port) && !reuse)) return false;
    this.servers.set(key, { protocol, port, pid, inode: ++this.#count });
    return true;
  }

  /** A process starts, also under the pid of one that has ended. */
  start(pid: number): void {
    this.processes.set(pid, {
      pid,
      startTime: String(++this.#count),
      bootId: this.bootId,
      command: `server-${pid}`,
      cwd: "/home/dev/shop",
      user: "dev",
      startedAt: null,
      parentPid: null,
      processGroup: null,
      session: null,
    });
  }

  /** A process ends, and its servers with it. */
  end(pid: number): void {
    this.processes.delete(pid);
    for (const [key, server] of this.servers) if (server.pid === pid) this.servers.delete(key);
  }

  /** portd ends, however: its sockets are closed. */
  portdEnded(): void {
    this.held.clear();
  }

  /** The machine starts again. */
  reboot(): void {
    this.boot++;
    this.portdEnded();
    this.servers.clear();
    this.processes.clear();
  }
}

/** The holds of one run of the daemon. @param isAlive is false once that run has crashed. */
export class VirtualHolds implements Holds {
  readonly limit: number;
  readonly #kernel: Kernel;
  readonly #isAlive: () => boolean;

  constructor(kernel: Kernel, isAlive: () => boolean) {
    this.#kernel = kernel;
    this.#isAlive = isAlive;
    this.limit = kernel.options.mostHolds;
  }

  get size(): number {
    return this.#kernel.held.size;
  }

  claim(port: number, { protocols, hold }: ClaimOptions): Claim {
    const kernel = this.#kernel;
    if (kernel.isOutOfDescriptors) return { obstacle: { reason: "no_descriptors" } };
    const taken = protocols.find((protocol) => !kernel.wouldGive(port, [protocol]));
    if (taken !== undefined) return { obstacle: { reason: "in_use", protocol: taken } };
    return { port, hold: protocols.includes("tcp") ? this.#keep(port, hold) : "none" };
  }

  claimAny(options: ClaimOptions): Claim {
    const { random, ephemeral } = this.#kernel.options;
    const free = ephemeral.filter((port) => this.#kernel.wouldGive(port, options.protocols));
    if (free.length === 0) return { obstacle: { reason: "in_use", protocol: options.protocols[0]! } };
    return this.claim(random.pick(free), options);
  }

  retake(port: number): boolean {
    if (this.has(port)) return true;
    if (!this.#isAlive() || this.#kernel.isOutOfDescriptors || !this.#kernel.wouldGive(port, ["tcp"])) return false;
    return this.#keep(port, "soft") === "soft";
  }

  has(port: number): boolean {
    return this.#kernel.held.has(port);
  }

  release(port: number): void {
    if (this.#isAlive()) this.#kernel.held.delete(port);
  }

  releaseAll(): void {
    if (this.#isAlive()) this.#kernel.held.clear();
  }

  #keep(port: number, wished: HoldKind): HoldKind {
    if (!this.#isAlive() || wished === "none" || this.size >= this.limit) return "none";
    this.#kernel.held.add(port);
    return "soft";
  }
}

/** The processes of the virtual machine. */
export class VirtualProcesses implements Processes {
  readonly #kernel: Kernel;
  readonly bootId: string;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.bootId = kernel.bootId;
  }

  find(pid: number): Process | undefined {
    return this.#kernel.processes.get(pid);
  }

  isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
    const process = this.#kernel.processes.get(pid);
    return process !== undefined && process.startTime === startTime && process.bootId === bootId;
  }
}

/** The socket tables of the virtual machine; the answers come when the seed says so. */
export class VirtualScanner implements Scanner {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]> {
    const keys = new Set([...endpoints].map(({ protocol, port }) => `${protocol}:${port}`));
    return this.#answer("a look at leased ports", (key) => keys.has(key));
  }

  sockets(): Promise<readonly SocketRow[]> {
    return this.#answer("a look at all sockets", () => true);
  }

  socketsOn({ protocol, port }: Endpoint): Promise<readonly SocketRow[]> {
    return this.#answer("a look at a port", (key) => key === `${protocol}:${port}`);
  }

  boundOn(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  identify(rows: readonly SocketRow[]): Promise<readonly SocketRow[]> {
    const { servers } = this.#kernel;
    return this.#kernel.options.pending.answer(
      "a look at processes",
      () => rows.map((row) => ({ ...row, pid: servers.get(`${row.protocol}:${row.localPort}`)?.pid ?? null })),
    );
  }

  close(): void {}

  #answer(what: string, isWanted: (key: string) => boolean): Promise<readonly SocketRow[]> {
    const { servers, options } = this.#kernel;
    return options.pending.answer(
      what,
      () => [...servers].filter(([key]) => isWanted(key)).map(([, server]) => rowOf(server)),
    );
  }
}

function rowOf({ protocol, port, inode }: Server): SocketRow {
  return {
    protocol,
    family: 4,
    localAddress: "0.0.0.0",
    localPort: port,
    remoteAddress: "0.0.0.0",
    remotePort: 0,
    state: protocol === "tcp" ? "LISTEN" : "",
    uid: 1000,
    inode,
    pid: null,
  };
}
