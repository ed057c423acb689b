/** The table of a router that does not exist: what is mapped, until when, and whose it is. */
import type { Clock } from "../../../src/clock.ts";
import type { SocketAddress } from "../../../src/gateway/gateway.ts";
import { HIGHEST_PORT, type Protocol } from "../../../src/port/port.ts";

/** An external port that leads to a host. */
export interface TableEntry {
  readonly protocol: Protocol;
  readonly externalPort: number;
  readonly internal: SocketAddress;
}

/** An entry with what the router keeps about it. */
export interface OwnedEntry extends TableEntry {
  /** What only its maker knows: PCP's nonce. */
  readonly secret: string;
  readonly lifetimeS: number;
}

/** Options of a {@linkcode MappingTable}. */
export interface TableOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** @default 100 */
  readonly capacity?: number;
}

/** Entries end by themselves when their lifetimes are over. An external port is one host's at a time. */
export class MappingTable {
  readonly #clock: Pick<Clock, "monotonic">;
  #entries: (OwnedEntry & { readonly endMs: number })[] = [];
  capacity: number;

  constructor({ clock, capacity = 100 }: TableOptions) {
    this.#clock = clock;
    this.capacity = capacity;
  }

  /** What is mapped now. */
  entries(): readonly OwnedEntry[] {
    this.#entries = this.#entries.filter(({ endMs }) => endMs > this.#clock.monotonic());
    return this.#entries;
  }

  get isFull(): boolean {
    return this.entries().length >= this.capacity;
  }

  /** The entry of a host's port. */
  of({ protocol, internal }: Pick<TableEntry, "protocol" | "internal">): OwnedEntry | undefined {
    return this.entries().find((each) =>
      each.protocol === protocol && each.internal.address === internal.address && each.internal.port === internal.port
    );
  }

  /** The entry of an external port. */
  at(protocol: Protocol, externalPort: number): OwnedEntry | undefined {
    return this.entries().find((each) => each.protocol === protocol && each.externalPort === externalPort);
  }

  /** The first external port from this one on that nobody has, for a host that has none of it yet. */
  freePort(protocol: Protocol, from: number): number {
    for (let port = from; port <= HIGHEST_PORT; port++) {
      if (this.at(protocol, port) === undefined) return port;
    }
    throw new RangeError(`no external port from ${from} on is free`);
  }

  /** Puts an entry in the place of the one that the host's port has. */
  set(entry: OwnedEntry): void {
    this.remove(entry);
    this.#entries.push({ ...entry, endMs: this.#clock.monotonic() + entry.lifetimeS * 1000 });
  }

  /** Removes the entry of a host's port, where there is one. */
  remove(entry: Pick<TableEntry, "protocol" | "internal">): void {
    const found = this.of(entry);
    this.#entries = this.#entries.filter((each) => each !== found);
  }

  clear(): void {
    this.#entries = [];
  }
}
