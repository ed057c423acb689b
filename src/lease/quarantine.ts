/** Ports withheld for a while, in the order in which they become free. Pure: the caller passes the time. */
import type { Protocol } from "../port/port.ts";

/** A withheld port. */
export interface Withheld {
  readonly port: number;
  readonly protocols: readonly Protocol[];
  /** `freed`: its lease has ended; `refused`: the kernel did not give it, since somebody else uses it. */
  readonly cause: "freed" | "refused";
  /** The name that may have it back before the time is up; null when there is none. */
  readonly name: string | null;
  readonly until: number;
}

interface Place {
  readonly withheld: Withheld;
  before: Place | undefined;
  after: Place | undefined;
}

/** A linked list sorted by `until`: adding at the end and taking out are O(1). */
export class Quarantine {
  #first: Place | undefined;
  #last: Place | undefined;
  readonly #byPort = new Map<number, Place[]>();

  /** How many ports are withheld. */
  get size(): number {
    return this.#byPort.size;
  }

  has(port: number): boolean {
    return this.#byPort.has(port);
  }

  /** What withholds a port; one entry for each time that it was added. */
  on(port: number): readonly Withheld[] {
    return this.#byPort.get(port)?.map(({ withheld }) => withheld) ?? [];
  }

  add(withheld: Withheld): void {
    let before = this.#last;
    while (before !== undefined && before.withheld.until > withheld.until) before = before.before;
    const place: Place = { withheld, before, after: before === undefined ? this.#first : before.after };
    if (place.after === undefined) this.#last = place;
    else place.after.before = place;
    if (before === undefined) this.#first = place;
    else before.after = place;
    const others = this.#byPort.get(withheld.port);
    if (others === undefined) this.#byPort.set(withheld.port, [place]);
    else others.push(place);
  }

  /** Takes one entry out. Does nothing when it is out already. */
  remove(withheld: Withheld): void {
    const places = this.#byPort.get(withheld.port) ?? [];
    const place = places.find((each) => each.withheld === withheld);
    if (place === undefined) return;
    if (places.length === 1) this.#byPort.delete(withheld.port);
    else places.splice(places.indexOf(place), 1);
    if (place.before === undefined) this.#first = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#last = place.before;
    else place.after.before = place.before;
  }

  /** Takes out what is withheld no longer. */
  *due(now: number): Generator<Withheld> {
    while (this.#first !== undefined && this.#first.withheld.until <= now) {
      const { withheld } = this.#first;
      this.remove(withheld);
      yield withheld;
    }
  }

  /** The ports of leases that have ended, the one freed longest ago first. Entries may be removed meanwhile. */
  *freed(): Generator<Withheld> {
    for (let place = this.#first; place !== undefined;) {
      const { after, withheld } = place;
      if (withheld.cause === "freed") yield withheld;
      place = after;
    }
  }
}
