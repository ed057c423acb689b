/** Ports withheld for a while, in the order in which they come free again. Pure: the caller tells the time. */
import type { Protocol } from "./lease.ts";

/** A withheld port. */
export interface Withheld {
  readonly port: number;
  readonly protocols: readonly Protocol[];
  /** The name that may have it back before the time is up; null when nobody may. */
  readonly name: string | null;
  readonly until: number;
}

/** A queue, as every port is withheld for the same time. */
export class Quarantine {
  readonly #queue: Withheld[] = [];
  #head = 0;
  readonly #byPort = new Map<number, Withheld[]>();

  /** How many ports are withheld. */
  get size(): number {
    return this.#byPort.size;
  }

  has(port: number): boolean {
    return this.#byPort.has(port);
  }

  add(withheld: Withheld): void {
    this.#queue.push(withheld);
    const others = this.#byPort.get(withheld.port);
    if (others === undefined) this.#byPort.set(withheld.port, [withheld]);
    else others.push(withheld);
  }

  /** Takes a port out for the name that had it last. @returns whether it was withheld for that name. */
  takeBack(port: number, name: string): Withheld | undefined {
    const withheld = this.#byPort.get(port)?.find((entry) => entry.name === name);
    if (withheld !== undefined) this.#forget(withheld);
    return withheld;
  }

  /** Takes a port out whoever had it. @returns what withheld it. */
  takeOut(port: number): readonly Withheld[] {
    const entries = this.#byPort.get(port) ?? [];
    this.#byPort.delete(port);
    return entries;
  }

  /** Takes out what is withheld no longer. */
  *due(now: number): Generator<Withheld> {
    while (this.#head < this.#queue.length && this.#queue[this.#head]!.until <= now) {
      const withheld = this.#queue[this.#head++]!;
      if (this.#byPort.get(withheld.port)?.includes(withheld)) {
        this.#forget(withheld);
        yield withheld;
      }
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #forget(withheld: Withheld): void {
    const left = this.#byPort.get(withheld.port)!.filter((entry) => entry !== withheld);
    if (left.length === 0) this.#byPort.delete(withheld.port);
    else this.#byPort.set(withheld.port, left);
  }
}
