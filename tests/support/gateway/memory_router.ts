/** A router in memory that keeps state: what the mapper is tested with. It counts every question and can be made to fail. */
import type { Clock } from "../../../src/clock.ts";
import {
  type Family,
  type Gateway,
  GatewayError,
  type GatewayFault,
  type GatewayProtocol,
  type MappingGrant,
  type MappingLook,
  type MappingRequest,
} from "../../../src/gateway/gateway.ts";

/** What the router has in its table. */
export interface RouterEntry extends Pick<MappingRequest, "family" | "protocol" | "internal" | "nonce"> {
  readonly externalPort: number;
  /** On the clock since boot; Infinity is without end. */
  readonly endsAt: number;
  /** Whose it is: ours, or another host's. */
  readonly owner: "us" | "other";
}

/** How a router behaves; a test may change all of it at any time. */
export interface RouterHabits {
  protocol: GatewayProtocol;
  externalAddress: string | null;
  /** The longest lifetime that it grants, in seconds; null is without end. */
  longestS: number | null;
  /** The fault of every request that makes or renews. */
  refusal: GatewayFault | undefined;
  retryAfterS: number | undefined;
  /** The fault of every deletion. */
  deleteRefusal: GatewayFault | undefined;
  /** Whether it answers nothing at all. */
  isSilent: boolean;
  /** Whether it does what it is asked, and its answers are lost. */
  losesAnswers: boolean;
  /** Whether it grants the next port where one is another host's, or refuses. */
  grantsAnother: boolean;
  /** Whether a mapping can be read back. */
  canLook: boolean;
  capacity: number;
}

/** A router with one table for both families. */
export class MemoryRouter {
  readonly habits: RouterHabits = {
    protocol: "pcp",
    externalAddress: "203.0.113.7",
    longestS: 86_400,
    refusal: undefined,
    retryAfterS: undefined,
    deleteRefusal: undefined,
    isSilent: false,
    losesAnswers: false,
    grantsAnother: true,
    canLook: true,
    capacity: 10_000,
  };
  /** Questions so far, by their kind. */
  readonly asked = { open: 0, map: 0, unmap: 0, look: 0, epoch: 0, address: 0 };
  /** Entries of others that a request of ours has changed. */
  readonly touched: RouterEntry[] = [];
  /** Called before each question is answered. */
  beforeAnswer: (question: string) => Promise<void> = () => Promise.resolve();
  /** Called once the table has what was asked for, before the answer arrives. */
  beforeReply: (question: string) => Promise<void> = () => Promise.resolve();
  readonly #clock: Pick<Clock, "monotonic">;
  #entries: RouterEntry[] = [];
  #epoch = 0;
  #handles = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** What is mapped now. */
  get entries(): readonly RouterEntry[] {
    this.#entries = this.#entries.filter(({ endsAt }) => endsAt > this.#clock.monotonic());
    return this.#entries;
  }

  get ours(): readonly RouterEntry[] {
    return this.entries.filter(({ owner }) => owner === "us");
  }

  /** Another host has a port. */
  takeByOther(externalPort: number, protocol: "tcp" | "udp" = "tcp"): void {
    const internal = { address: "192.168.1.99", port: externalPort };
    const entry = { family: "ipv4", protocol, internal, nonce: "f".repeat(24), externalPort, owner: "other" } as const;
    this.#entries = [...this.entries.filter((each) => !isAt(each, entry)), { ...entry, endsAt: Infinity }];
  }

  /** It starts again: its table and its epoch are lost. */
  restart(): void {
    this.forget();
    this.#epoch++;
  }

  /** It loses its table without a word. */
  forget(): void {
    this.#entries = this.entries.filter(({ owner }) => owner === "other");
  }

  /** It loses one mapping of ours. */
  forgetPort(externalPort: number): void {
    this.#entries = this.entries.filter((each) => each.owner === "other" || each.externalPort !== externalPort);
  }

  /** As this host speaks to it. @param isAlive is false once that portd has crashed: it hears no answer. */
  gateway(family: Family, { localAddress, address, isAlive = () => true }: GatewayOptions): Gateway {
    let epoch = this.#epoch;
    const { protocol } = this.habits;
    const ask = async <T>(question: keyof MemoryRouter["asked"], work: () => T, signal?: AbortSignal): Promise<T> => {
      await this.beforeAnswer(question);
      if (!isAlive()) return await new Promise<never>(() => {});
      signal?.throwIfAborted();
      this.asked[question]++;
      if (this.habits.isSilent) throw new GatewayError("silent", "The router has not answered");
      const answer = work();
      if (this.habits.losesAnswers) throw new GatewayError("silent", "The router has not answered");
      await this.beforeReply(question);
      if (!isAlive()) return await new Promise<never>(() => {});
      return answer;
    };
    return {
      family,
      protocol,
      address,
      localAddress,
      name: "memory",
      externalAddress: (signal) => ask("address", () => this.habits.externalAddress, signal),
      map: (request, signal) => ask("map", () => this.#map(request, localAddress), signal),
      unmap: (request, port, signal) => ask("unmap", () => this.#unmap(request, port), signal),
      look: (request, port, signal) => ask("look", () => this.#look(request, port), signal),
      hasForgotten: (signal) =>
        ask("epoch", () => {
          const hasForgotten = protocol !== "upnp" && this.#epoch !== epoch;
          epoch = this.#epoch;
          return hasForgotten;
        }, signal),
      close() {},
    };
  }

  #map(request: MappingRequest, localAddress: string): MappingGrant {
    const { refusal, retryAfterS, longestS, capacity, protocol, externalAddress, grantsAnother } = this.habits;
    const fail = (fault: GatewayFault, message: string) =>
      new GatewayError(fault, message, retryAfterS === undefined ? {} : { retryAfterS });
    if (refusal !== undefined) throw fail(refusal, `The router refuses: ${refusal}`);
    if (request.internal.address !== localAddress) throw fail("not_authorized", "Another host's address");
    const known = this.entries.find((each) => isSame(each, request));
    if (known !== undefined && protocol === "pcp" && known.nonce !== request.nonce) {
      throw fail("not_authorized", "The router refuses: another nonce");
    }
    if (known === undefined && this.entries.length >= capacity) throw fail("no_resources", "The table is full");
    const externalPort = known?.externalPort ?? this.#portFor(request, grantsAnother, fail);
    if (request.isFixed && externalPort !== request.externalPort) throw fail("port_taken", "Another port was given");
    const lifetimeS = longestS === null ? null : Math.min(request.lifetimeS, longestS);
    const endsAt = lifetimeS === null ? Infinity : this.#clock.monotonic() + lifetimeS * 1000;
    const { family, internal, nonce } = request;
    const entry = { family, protocol: request.protocol, internal, nonce, externalPort, endsAt, owner: "us" } as const;
    this.#entries = [...this.entries.filter((each) => each !== known), entry];
    // NAT-PMP grants a port alone.
    const address = family === "ipv6" ? internal.address : protocol === "nat-pmp" ? null : externalAddress;
    return {
      external: { address, port: externalPort },
      lifetimeS,
      ...(family === "ipv6" ? { handle: String(++this.#handles) } : {}),
    };
  }

  #portFor(
    { family, protocol, externalPort }: MappingRequest,
    grantsAnother: boolean,
    fail: (fault: GatewayFault, message: string) => GatewayError,
  ): number {
    const isTaken = (port: number) =>
      family === "ipv4" && this.entries.some((each) => isAt(each, { family, protocol, externalPort: port }));
    if (!isTaken(externalPort)) return externalPort;
    if (!grantsAnother) throw fail("port_taken", `Port ${externalPort} is another host's`);
    let port = externalPort;
    while (isTaken(port)) port++;
    return port;
  }

  #unmap(request: MappingRequest, externalPort: number): void {
    if (this.habits.deleteRefusal !== undefined) {
      throw new GatewayError(this.habits.deleteRefusal, `The router refuses: ${this.habits.deleteRefusal}`);
    }
    const known = this.entries.find((each) => isSame(each, request));
    if (known !== undefined && this.habits.protocol === "pcp" && known.nonce !== request.nonce) {
      throw new GatewayError("not_authorized", "The router refuses: another nonce");
    }
    const other = this.entries.find((each) => each.owner === "other" && each.externalPort === externalPort);
    if (known === undefined && other?.internal.address === request.internal.address) this.touched.push(other);
    this.#entries = this.entries.filter((each) => each !== known);
  }

  #look(request: MappingRequest, externalPort: number): MappingLook {
    if (!this.habits.canLook) return "unknown";
    const found = this.entries.find((each) => isAt(each, { ...request, externalPort }));
    if (found === undefined) return "gone";
    return isSame(found, request) ? "set" : "foreign";
  }
}

/** Where the router is, and this host. */
export interface GatewayOptions {
  readonly localAddress: string;
  readonly address: string;
  readonly isAlive?: () => boolean;
}

type Endpoint = Pick<MappingRequest, "family" | "protocol" | "internal">;

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.family === b.family && a.protocol === b.protocol && a.internal.address === b.internal.address &&
    a.internal.port === b.internal.port;
}

type Outside = Pick<RouterEntry, "family" | "protocol" | "externalPort">;

function isAt(a: Outside, b: Outside): boolean {
  return a.family === b.family && a.protocol === b.protocol && a.externalPort === b.externalPort;
}
