/** Ports that are withheld for a while, in the order in which they become free. Pure: the caller passes the time. */
import type { Protocol } from "../port/port.ts";

/** A withheld port. */
export interface Withheld {
  readonly port: number;
  readonly protocols: readonly Protocol[];
  /** `freed`: its lease has ended; `refused`: the kernel did not give it, as somebody else uses it. */
  readonly cause: "freed" | "refused";
  /** The name that may get it back before the time is up; null when there is none. */
  readonly name: string | null;
  readonly until: number;
}

interface Entry {
  readonly withheld: Withheld;
  before: Entry | undefined;
  after: Entry | undefined;
}

/** A linked list sorted by `until`: adding at the end and removing are O(1). */
export class Quarantine {
  #first: Entry | undefined;
  #last: Entry | undefined;
  readonly #byPort = new Map<number, Entry[]>();

  /** How many ports are withheld. */
  get size(): number {
    return this.#byPort.size;
  }

  has(port: number): boolean {
    return this.#byPort.has(port);
  }

  /** What withholds a port: one element for each time that it was added. */
  on(port: number): readonly Withheld[] {
    return this.#byPort.get(port)?.map(({ withheld }) => withheld) ?? [];
  }

  add(withheld: Withheld): void {
    let before = this.#last;
    while (before !== undefined && before.withheld.until > withheld.until) before = before.before;
    const entry: Entry = { withheld, before, after: before === undefined ? this.#first : before.after };
    if (entry.after === undefined) this.#last = entry;
    else entry.after.before = entry;
    if (before === undefined) this.#first = entry;
    else before.after = entry;
    const others = this.#byPort.get(withheld.port);
    if (others === undefined) this.#byPort.set(withheld.port, [entry]);
    else others.push(entry);
  }

  /** Removes one element. Does nothing when it is removed already. */
  remove(withheld: Withheld): void {
    const entries = this.#byPort.get(withheld.port) ?? [];
    const entry = entries.find((each) => each.withheld === withheld);
    if (entry === undefined) return;
    if (entries.length === 1) this.#byPort.delete(withheld.port);
    else entries.splice(entries.indexOf(entry), 1);
    if (entry.before === undefined) this.#first = entry.after;
    else entry.before.after = entry.after;
    if (entry.after === undefined) this.#last = entry.before;
    else entry.after.before = entry.before;
  }

  /** Removes and yields the elements whose time is up. */
  *due(now: number): Generator<Withheld> {
    while (this.#first !== undefined && this.#first.withheld.until <= now) {
      const { withheld } = this.#first;
      this.remove(withheld);
      yield withheld;
    }
  }

  /** The ports of leases that have ended, the one freed longest ago first. Elements may be removed meanwhile. */
  *freed(): Generator<Withheld> {
    for (let entry = this.#first; entry !== undefined;) {
      const { after, withheld } = entry;
      if (withheld.cause === "freed") yield withheld;
      entry = after;
    }
  }
}
