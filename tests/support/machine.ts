/** A machine in memory: who is bound to which port, which processes run, and the parts by which portd asks it. */
import type { InternetRoute } from "../../src/adapters/adapters.ts";
import type { ConnectionUsers } from "../../src/caller/caller.ts";
import type { Machine } from "../../src/daemon/machine.ts";
import type { HoldKind, Holds } from "../../src/hold/hold.ts";
import type { GatewaySearch } from "../../src/gateway/open.ts";
import { unusedByScan } from "../../src/lease/suggestion.ts";
import type { StunOutcome } from "../../src/line/stun/sample.ts";
import type { StunServer } from "../../src/line/stun/server.ts";
import type { Scanner } from "../../src/listener/listener.ts";
import type { Wsl } from "../../src/os/linux/wsl.ts";
import { steadyRules } from "../../src/os/port_rules.ts";
import type { SocketRow } from "../../src/os/socket.ts";
import { Turns } from "../../src/os/turns.ts";
import type { Endpoint, Protocol } from "../../src/port/port.ts";
import type { Process, Processes } from "../../src/process/process.ts";
import { FakeFirewall } from "./firewall.ts";
import { homeNetwork } from "./network.ts";
import { socketRow } from "./sockets.ts";

/** A socket that a server listens on. */
export interface FakeSocket extends Endpoint {
  readonly address: string;
  readonly inode: number;
  /** The processes that have it open, as far as portd may see them. */
  readonly pids: readonly number[];
  /** Whether others may listen on the same address (SO_REUSEPORT). */
  readonly isShared: boolean;
}

/** How a server listens. */
export interface ListenOptions {
  /** Its process, or all that have the socket open; none where portd may not see it. */
  readonly pid: number | readonly number[];
  /** Whether it sets SO_REUSEADDR, which lets it listen beside a hold. @default true */
  readonly reuse?: boolean;
  readonly address?: string;
  readonly isShared?: boolean;
}

/** Options of {@linkcode FakeMachine}. */
export interface MachineOptions {
  /** Ports that bind(0) gives. */
  readonly ephemeral?: readonly number[];
  /** How many holds portd may keep. */
  readonly mostHolds?: number;
  /** Called for what the system may take its time for. @default answers at once */
  readonly answer?: <T>(what: string, value: () => T) => Promise<T>;
  /** Which one the system takes where any will do. @default the first */
  readonly pick?: <T>(from: readonly T[]) => T;
}

/** portd runs without an administrator's rights. */
const FIRST_UNPRIVILEGED = 1024;

/** The one fake of the system under portd. */
export class FakeMachine {
  /** By `protocol:port`. */
  readonly servers = new Map<string, readonly FakeSocket[]>();
  readonly processes = new Map<number, Process>();
  /** Ports on which portd has a bound socket. */
  readonly held = new Set<number>();
  readonly firewall = new FakeFirewall();
  /** What WSL it is. */
  wsl: Wsl | undefined;
  /** What a search for its router finds, on each way to the internet alike. */
  router: GatewaySearch = { gateway: null, refusals: [] };
  /** What a search for its router finds on one way to the internet. @default {@linkcode router} */
  routerOn: (route: InternetRoute) => GatewaySearch = () => this.router;
  /** What STUN servers say. */
  stun: (servers: readonly StunServer[]) => StunOutcome = () => ({ look: null, failures: ["no network"] });
  /** Its adapters. */
  network = homeNetwork();
  boot = 1;
  /** No descriptor is left for another socket. */
  isOutOfDescriptors = false;
  /** Names of users by their numbers; every socket is that of user 1000. */
  readonly userNames = new Map<number, string>();
  /** The users of connections to the daemon. */
  users: ConnectionUsers = { self: "uid:1000", userOf: () => "uid:1000", close() {} };
  readonly options: Required<MachineOptions>;
  #count = 0;

  constructor(options: MachineOptions = {}) {
    this.options = {
      ephemeral: [40_000, 40_001, 40_002, 40_003],
      mostHolds: 1000,
      answer: (_what, value) => Promise.resolve(value()),
      pick: ([first]) => first!,
      ...options,
    };
  }

  get bootId(): string {
    return `boot-${this.boot}`;
  }

  /** What portd asks of it. @param isAlive is false once that portd has crashed: nothing that it does counts then. */
  parts(isAlive: () => boolean = () => true): Machine {
    const { ephemeral } = this.options;
    const ports = {
      ephemeral: { first: ephemeral[0]!, last: ephemeral.at(-1)! },
      reserved: [],
      excluded: [],
      unprivilegedFrom: FIRST_UNPRIVILEGED,
    };
    const scanner = scannerOf(this);
    return {
      holds: holdsOf(this, isAlive),
      processes: processesOf(this),
      scanner,
      users: this.users,
      openPortRules: () => Promise.resolve(steadyRules(ports, () => Promise.resolve(ports))),
      hasRights: false,
      wsl: this.wsl,
      findUnused: unusedByScan(scanner),
      turns: () => new Turns({ turnMs: Infinity, pause: () => this.options.answer("a pause", () => undefined) }),
      openFirewall: () => Promise.resolve(this.firewall.backend("00000000")),
      network: { read: () => this.options.answer("a look at the network", () => this.network) },
      openGateway: ({ route }) => this.options.answer("a search for the router", () => this.routerOn(route)),
      lookByStun: (servers) => this.options.answer("a look by STUN", () => this.stun(servers)),
    };
  }

  /** Whether portd could bind the port now. */
  wouldGive(port: number, protocols: readonly Protocol[]): boolean {
    return protocols.every((protocol) => !this.servers.has(`${protocol}:${port}`)) &&
      !(protocols.includes("tcp") && this.held.has(port));
  }

  /** Somebody starts a server. @returns whether the kernel lets them. */
  listen({ protocol, port }: Endpoint, options: ListenOptions): boolean {
    const { pid, reuse = true, address = "0.0.0.0", isShared = false } = options;
    const key = `${protocol}:${port}`, others = this.servers.get(key) ?? [];
    const isTaken = (other: FakeSocket) =>
      !(isShared && other.isShared) &&
      (isWildcard(address) || isWildcard(other.address) || address === other.address);
    if (others.some(isTaken) || (protocol === "tcp" && this.held.has(port) && !reuse)) return false;
    const pids = typeof pid === "number" ? [pid] : pid;
    this.servers.set(key, [...others, { protocol, port, pids, address, isShared, inode: ++this.#count }]);
    return true;
  }

  /** The servers on a port end; their processes go on. */
  stopListening(port: number, protocol: Protocol = "tcp"): void {
    this.servers.delete(`${protocol}:${port}`);
  }

  /** A process starts, also under the pid of one that has ended. @param part is what is not as usual of it. */
  start(pid: number, part: Partial<Process> = {}): Process {
    const process = {
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
      ...part,
    };
    this.processes.set(pid, process);
    return process;
  }

  /** A process ends, and the sockets with it that no other has open. */
  end(pid: number): void {
    this.processes.delete(pid);
    for (const [key, sockets] of this.servers) {
      const left = sockets.flatMap((socket) => {
        const pids = socket.pids.filter((other) => other !== pid);
        return pids.length === 0 && socket.pids.length > 0 ? [] : [{ ...socket, pids }];
      });
      if (left.length > 0) this.servers.set(key, left);
      else this.servers.delete(key);
    }
  }

  /** portd ends, in whatever way: its sockets are closed. */
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

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

function holdsOf(machine: FakeMachine, isAlive: () => boolean): Holds {
  const { held, options: { mostHolds, pick, ephemeral } } = machine;
  const keep = (port: number, wished: HoldKind): HoldKind => {
    if (!isAlive() || wished === "none" || held.size >= mostHolds) return "none";
    held.add(port);
    return "soft";
  };
  return {
    limit: mostHolds,
    get size() {
      return held.size;
    },
    claim(port, { protocols, hold }) {
      if (machine.isOutOfDescriptors) return { obstacle: { reason: "no_descriptors" } };
      if (port < FIRST_UNPRIVILEGED) return { obstacle: { reason: "no_permission", protocol: protocols[0]! } };
      const taken = protocols.find((protocol) => !machine.wouldGive(port, [protocol]));
      if (taken !== undefined) return { obstacle: { reason: "in_use", protocol: taken } };
      return { port, hold: protocols.includes("tcp") ? keep(port, hold) : "none" };
    },
    claimAny(options) {
      const free = ephemeral.filter((port) => machine.wouldGive(port, options.protocols));
      if (free.length === 0) return { obstacle: { reason: "in_use", protocol: options.protocols[0]! } };
      return this.claim(pick(free), options);
    },
    retake(port) {
      if (held.has(port)) return true;
      return !machine.isOutOfDescriptors && machine.wouldGive(port, ["tcp"]) && keep(port, "soft") === "soft";
    },
    has: (port) => held.has(port),
    release(port) {
      if (isAlive()) held.delete(port);
    },
    releaseAll() {
      if (isAlive()) held.clear();
    },
  };
}

function processesOf({ processes, bootId, userNames }: FakeMachine): Processes {
  return {
    bootId,
    userName: (uid) => userNames.get(uid) ?? String(uid),
    find: (pid) => processes.get(pid),
    isAlive({ pid, startTime, bootId }) {
      const process = processes.get(pid);
      return process !== undefined && process.startTime === startTime && process.bootId === bootId;
    },
  };
}

function scannerOf({ servers, options: { answer } }: FakeMachine): Scanner {
  const rows = (what: string, isWanted: (key: string) => boolean) =>
    answer(what, () => [...servers].filter(([key]) => isWanted(key)).flatMap(([, sockets]) => sockets.map(rowOf)));
  const pidsOf = ({ protocol, localPort, inode }: SocketRow) =>
    servers.get(`${protocol}:${localPort}`)?.find((socket) => socket.inode === inode)?.pids ?? [];
  const identified = (row: SocketRow): SocketRow => {
    const pids = pidsOf(row);
    return { ...row, pid: pids[0] ?? null, ...(pids.length > 1 && { sharers: pids }) };
  };
  return {
    listening(endpoints) {
      const keys = new Set([...endpoints].map(({ protocol, port }) => `${protocol}:${port}`));
      return rows("a look at leased ports", (key) => keys.has(key));
    },
    sockets: () => rows("a look at all sockets", () => true),
    socketsOn: ({ protocol, port }) => rows("a look at a port", (key) => key === `${protocol}:${port}`),
    boundOn: () => Promise.resolve(undefined),
    identify: (found) => answer("a look at processes", () => found.map(identified)),
    close() {},
  };
}

function rowOf({ protocol, port, inode, address }: FakeSocket): SocketRow {
  const isIPv6 = address.includes(":");
  const end = { family: isIPv6 ? 6 : 4, localAddress: address, remoteAddress: isIPv6 ? "::" : "0.0.0.0" } as const;
  return socketRow({ protocol, ...end, localPort: port, state: protocol === "tcp" ? "LISTEN" : "", inode });
}
