/** The live leases in memory, indexed by id, name and port. */
import { type Protocol, PROTOCOLS } from "../port/port.ts";
import { Claims } from "./claims.ts";
import { LeasesByOwner } from "./owners.ts";
import type { LeaseRecord } from "./record.ts";

/** The indexes. Decides nothing. */
export class LeaseTable {
  /** How many of them each user has. */
  readonly owners = new LeasesByOwner();
  /** The processes and folders that the leases name. */
  readonly claims = new Claims();
  readonly #byId = new Map<string, LeaseRecord>();
  readonly #byName = new Map<string, string>();
  readonly #byPort: Readonly<Record<Protocol, Map<number, string>>> = { tcp: new Map(), udp: new Map() };

  get size(): number {
    return this.#byId.size;
  }

  /** All of them, in no particular order. A lease may be replaced or removed while this runs. */
  all(): IterableIterator<LeaseRecord> {
    return this.#byId.values();
  }

  byId(id: string): LeaseRecord | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): LeaseRecord | undefined {
    return this.#byId.get(this.#byName.get(name) ?? "");
  }

  /** The lease of the port for the first of the protocols that has one. */
  byPort(port: number, protocols: readonly Protocol[] = PROTOCOLS): LeaseRecord | undefined {
    for (const protocol of protocols) {
      const id = this.#byPort[protocol].get(port);
      if (id !== undefined) return this.#byId.get(id);
    }
  }

  /** @throws {Error} when the name or the port has a live lease: the caller must have checked. */
  add(record: LeaseRecord): void {
    const other = this.byPort(record.port, record.protocols) ??
      (record.name === null ? undefined : this.byName(record.name));
    if (other !== undefined) throw new Error(`Cannot add lease ${record.id}: its port or name is that of ${other.id}`);
    this.owners.add(record.owner);
    this.#byId.set(record.id, record);
    this.claims.add(record);
    if (record.name !== null) this.#byName.set(record.name, record.id);
    for (const protocol of record.protocols) this.#byPort[protocol].set(record.port, record.id);
  }

  /**
   * Replaces a live lease with another version of it; name, port, protocols and owner are the same.
   *
   * @throws {Error} when the lease is not live.
   */
  replace(record: LeaseRecord): void {
    const before = this.#byId.get(record.id);
    if (before === undefined) throw new Error(`Cannot replace lease ${record.id}: it is not live`);
    this.claims.replace(before, record);
    this.#byId.set(record.id, record);
  }

  remove(id: string): void {
    const record = this.#byId.get(id);
    if (record === undefined) return;
    this.#byId.delete(id);
    this.owners.remove(record.owner);
    this.claims.remove(record);
    if (record.name !== null) this.#byName.delete(record.name);
    for (const protocol of record.protocols) this.#byPort[protocol].delete(record.port);
  }
}
