/** Where this host is: its way to the internet, looked at every half minute, and whether its clock has jumped. */
import type { NetworkFacts } from "../adapters/adapters.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { FAMILIES, type Family } from "./gateway.ts";
import { mappedRoute } from "./mapped_route.ts";
import type { Side } from "./side.ts";

/** What a {@linkcode NetworkWatch} is made of. */
export interface NetworkWatchParts {
  readonly readNetwork: () => Promise<Pick<NetworkFacts, "adapters" | "internet">>;
  readonly clock: Clock;
  /** They follow the way to the internet. */
  readonly sides: Readonly<Record<Family, Side>>;
}

/** How often the network is read while there are mappings, in milliseconds. */
const NETWORK_MS = 30_000;
/** The wall clock and the clock since boot may drift apart by so much; more is a suspended machine, or a clock that was set. */
const JUMP_MS = 10_000;

/** Reads the network when it is due. */
export class NetworkWatch {
  readonly #parts: NetworkWatchParts;
  #dueAt = -Infinity;
  #fault: string | null = null;
  /** The wall clock's lead over the clock since boot. */
  #lead: number;

  constructor(parts: NetworkWatchParts) {
    this.#parts = parts;
    this.#lead = parts.clock.now() - parts.clock.monotonic();
  }

  /** Why the network cannot be read, a sentence; null where it can. */
  get fault(): string | null {
    return this.#fault;
  }

  /** When it is read next, on the clock since boot. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** The next look reads. */
  hurry(): void {
    this.#dueAt = -Infinity;
  }

  /** Whether the wall clock has jumped since the last call. */
  hasJumped(): boolean {
    const { clock } = this.#parts, before = this.#lead;
    this.#lead = clock.now() - clock.monotonic();
    return Math.abs(this.#lead - before) > JUMP_MS;
  }

  /** Reads the network if it is time. A failure is kept, and tried again. */
  async look(): Promise<void> {
    const { clock, readNetwork, sides } = this.#parts;
    if (clock.monotonic() < this.#dueAt) return;
    this.#dueAt = clock.monotonic() + NETWORK_MS;
    try {
      const facts = await readNetwork();
      this.#fault = null;
      for (const family of FAMILIES) sides[family].follow(mappedRoute(facts, family), facts.internet.ipv4);
    } catch (error) {
      this.#fault = `the network of this machine cannot be read: ${messageOf(error)}`;
    }
  }
}
