/**
 * The ports that can be taken: those that are free in the pool, and those that the quarantine withholds for a while.
 * Pure: the caller passes the time.
 */
import type { Protocol } from "../port/port.ts";
import type { Pool } from "./pool.ts";
import { Quarantine, type Withheld } from "./quarantine.ts";

/** Pool and quarantine, kept consistent: a withheld port is taken in the pool. */
export class AvailablePorts {
  readonly pool: Pool;
  readonly #quarantine = new Quarantine();
  readonly #cooldownMs: number;

  constructor(pool: Pool, cooldownMs: number) {
    this.pool = pool;
    this.#cooldownMs = cooldownMs;
  }

  /** How many ports are withheld. */
  get withheld(): number {
    return this.#quarantine.size;
  }

  /** Whether a port is withheld. */
  isWithheld(port: number): boolean {
    return this.#quarantine.has(port);
  }

  /** What withholds a port from any of the protocols. */
  withheldOn(port: number, protocols: readonly Protocol[]): readonly Withheld[] {
    return this.#quarantine.on(port).filter((entry) => entry.protocols.some((one) => protocols.includes(one)));
  }

  /** Whether a port is free, or only withheld. */
  isFreeOrWithheld(port: number, protocols: readonly Protocol[]): boolean {
    return this.#isFreeBut(port, protocols, this.#quarantine.on(port));
  }

  /** The same, where a withheld port was freed: nobody is known to use it. */
  isFreeOrCooling(port: number, protocols: readonly Protocol[]): boolean {
    return this.#isFreeBut(port, protocols, this.#quarantine.on(port).filter(({ cause }) => cause === "freed"));
  }

  /** The same, where a withheld port cools down for that name. */
  isFreeFor(name: string, port: number, protocols: readonly Protocol[]): boolean {
    return this.#isFreeBut(port, protocols, this.#quarantine.on(port).filter((entry) => entry.name === name));
  }

  /** Ports that cool down, the one released longest ago first. */
  *cooling(): Generator<number> {
    for (const { port } of this.#quarantine.freed()) yield port;
  }

  /** Takes a port, withheld or not. @returns what withheld it, for {@linkcode AvailablePorts.putBack}. */
  take(port: number, protocols: readonly Protocol[]): readonly Withheld[] {
    const withheld = this.#endQuarantine(port, protocols);
    this.pool.take(port, protocols);
    return withheld;
  }

  /** Puts a port back as it was before it was taken. */
  putBack(port: number, protocols: readonly Protocol[], withheld: readonly Withheld[]): void {
    this.pool.give(port, protocols);
    for (const entry of withheld) this.#withhold(entry);
  }

  /**
   * The port of a lease that has ended cools down.
   *
   * @param since is on the clock since boot.
   * @param name may get the port back before the time is up.
   */
  cool(port: number, protocols: readonly Protocol[], since: number, name: string | null): void {
    this.#withhold({ port, protocols, cause: "freed", name, until: since + this.#cooldownMs });
  }

  /** Somebody else uses the port: for a while it is not tried again. The other protocol may be free. */
  withholdUsed(port: number, protocol: Protocol, now: number): void {
    this.#withhold({ port, protocols: [protocol], cause: "refused", name: null, until: now + this.#cooldownMs });
  }

  /** Gives ports whose time is up back to the pool. @returns whether there were any. */
  expire(now: number): boolean {
    let any = false;
    for (const { port, protocols } of this.#quarantine.due(now)) {
      this.pool.give(port, protocols);
      any = true;
    }
    return any;
  }

  #isFreeBut(port: number, protocols: readonly Protocol[], withheld: readonly Withheld[]): boolean {
    return protocols.every((protocol) =>
      this.pool.isFree(port, [protocol]) || withheld.some((entry) => entry.protocols.includes(protocol))
    );
  }

  /** Puts a port into the quarantine, instead of what withheld it before for the same protocols. */
  #withhold(withheld: Withheld): void {
    const { port, protocols } = withheld;
    if (this.#cooldownMs === 0) return this.pool.give(port, protocols);
    this.#endQuarantine(port, protocols);
    this.pool.take(port, protocols);
    this.#quarantine.add(withheld);
  }

  /** Stops withholding a port for these protocols; for others it goes on. @returns what withheld it for these. */
  #endQuarantine(port: number, protocols: readonly Protocol[]): readonly Withheld[] {
    const ended: Withheld[] = [];
    for (const entry of this.#quarantine.on(port)) {
      const [these, others] = [true, false].map((isAsked) =>
        entry.protocols.filter((protocol) => protocols.includes(protocol) === isAsked)
      ) as [Protocol[], Protocol[]];
      if (these.length === 0) continue;
      this.#quarantine.remove(entry);
      this.pool.give(port, these);
      ended.push({ ...entry, protocols: these });
      if (others.length > 0) this.#quarantine.add({ ...entry, protocols: others });
    }
    return ended;
  }
}
