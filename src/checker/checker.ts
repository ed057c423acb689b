/**
 * A checker: tells callers from the internet whether a port of theirs can be reached. It dials the address from which it
 * was asked and no other. connections.ts bounds what it takes from the network, dial.ts what it sends; routes/checker.ts
 * is its HTTP. docs/checker.md has the protocol.
 */
import type { Timer } from "../clock.ts";
import { PortdError } from "../errors.ts";
import type { Endpoint } from "../port/port.ts";
import { canonicalCaller, sharesOf, specialKind } from "./caller_address.ts";
import { type Dial, dial, type Outcome } from "./dial.ts";
import { RateLimit } from "./rate_limit.ts";

/** What a caller asks. */
export interface CheckRequest extends Endpoint {
  /** What the probe carries: 32 hexadecimal digits in lower case. Without it nothing is sent; UDP takes it. */
  readonly nonce?: string | undefined;
}

/** What a checker answers. */
export interface CheckAnswer extends Endpoint {
  /** TCP: it was connected to. UDP: portd's temporary listener answered. */
  readonly open: boolean;
  /** Whether portd's temporary listener, which knows the nonce, has answered. */
  readonly answered: boolean;
  /** `open`, or why not: `refused`, `silent`, `unreachable`. */
  readonly outcome: Outcome;
  /** The address that was dialled: that of the caller. */
  readonly address: string;
  /** From the first packet to the connection, to the answer of UDP, or to the end, in whole milliseconds. */
  readonly elapsedMs: number;
}

/** Options of {@linkcode Checker}. */
export interface CheckerOptions {
  readonly clock: Timer;
  /** Whether callers with addresses that are not those of the internet are served too. @default false */
  readonly allowPrivate?: boolean;
  /** @default sockets of this machine */
  readonly dial?: Dial;
}

/** An address may ask for ten checks at once, and then for one every six seconds. */
const CALLER_LIMITS = { burst: 10, refillMs: 6000, mostNetworks: 16_384 };
/** All callers together. */
const ALL_LIMITS = { burst: 200, refillMs: 20, mostNetworks: 1 };
const ALL = [{ network: "all", size: 1 }];
/** So many checks run at a time. */
const MOST_RUNNING = 64;
/** When to try again if the checker is busy, in seconds. */
const BUSY_S = 5;

/** Checks ports of its callers. */
export class Checker {
  readonly #options: Required<CheckerOptions>;
  readonly #callers = new RateLimit(CALLER_LIMITS);
  readonly #all = new RateLimit(ALL_LIMITS);
  #running = 0;

  constructor(options: CheckerOptions) {
    this.#options = { allowPrivate: false, dial, ...options };
  }

  /**
   * Dials a port of the caller.
   *
   * @param caller is the source address of the connection that asks.
   * @throws {PortdError} `caller_refused`, `too_many_checks` or `checker_busy`.
   */
  async check(caller: string, { port, protocol, nonce }: CheckRequest): Promise<CheckAnswer> {
    const { dial } = this.#options, address = canonicalCaller(caller);
    this.#admit(address);
    this.#running++;
    try {
      const { outcome, answered, elapsedMs } = await dial({ address, port, protocol }, nonce ?? null);
      const open = outcome === "open";
      return { open, answered, outcome, address, port, protocol, elapsedMs: Math.round(elapsedMs) };
    } catch (error) {
      // A failure that says nothing about the port must not be told as a closed one.
      if (error instanceof Error && "code" in error) throw busy("it has no socket left for this", error);
      throw error;
    } finally {
      this.#running--;
    }
  }

  #admit(address: string): void {
    const kind = this.#options.allowPrivate ? undefined : specialKind(address);
    if (kind !== undefined) {
      const message = `Cannot check a port of ${address}: it is ${kind} address, and none of the internet`;
      throw new PortdError("caller_refused", message, { value: address });
    }
    if (this.#running >= MOST_RUNNING) throw busy("it checks as many ports as it can at a time");
    const now = this.#options.clock.monotonic();
    const waitMs = this.#callers.take(sharesOf(address), now);
    if (waitMs > 0) {
      const retryAfter = Math.ceil(waitMs / 1000);
      const message = `Cannot check a port of ${address} now: it has asked too often; ask again in ${retryAfter} s`;
      throw new PortdError("too_many_checks", message, { retryAfter });
    }
    if (this.#all.take(ALL, now) > 0) throw busy("too many callers ask at once");
  }
}

function busy(reason: string, cause?: Error): PortdError {
  const message = `Cannot check a port now: ${reason}; ask again in ${BUSY_S} s`;
  return new PortdError("checker_busy", message, { retryAfter: BUSY_S }, { cause });
}
