/** The calls of one service of the router: one operation after the other, bounded in time and number. */
import { abortable, startTimer } from "../../wait.ts";
import { GatewayError } from "../gateway.ts";
import type { Service } from "./description.ts";
import type { Home } from "./place.ts";
import { type ActionAnswer, type ActionArguments, callAction } from "./soap.ts";

/** Calls an action of the service. @throws as {@linkcode callAction} does; an error of its own where it is to end. */
export type Call = (action: string, values?: ActionArguments) => Promise<ActionAnswer>;

/** The operation is to end. The reason may be a {@linkcode GatewayError}, which operations take for a router's. */
class OperationEnded extends Error {}

/** Operations that wait or run. */
const MOST_OPERATIONS = 256;

/** Options of {@linkcode Calls}. */
export interface CallsOptions {
  /** For one request to the router, in milliseconds. @default 5000 */
  readonly exchangeMs?: number | undefined;
  /** For one operation, which may be several requests. @default 30000 */
  readonly operationMs?: number | undefined;
}

/** The operations on one service. What an operation has read is so still true when it writes, as far as portd goes. */
export class Calls {
  readonly #service: Service;
  readonly #home: Home;
  readonly #options: CallsOptions;
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #operations = 0;

  constructor(service: Service, home: Home, options: CallsOptions = {}) {
    this.#service = service;
    this.#home = home;
    this.#options = options;
  }

  /**
   * Runs an operation when those before it have ended.
   *
   * @param localAddress is the address of this host from which to call. @default the one of {@linkcode Home}
   * @throws what the operation throws, {@linkcode GatewayError} where it takes too long, and the signal's reason.
   */
  async run<T>(
    operation: (call: Call) => Promise<T>,
    { signal, localAddress = this.#home.localAddress }: { signal?: AbortSignal | undefined; localAddress?: string } =
      {},
  ): Promise<T> {
    const ends = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    ends.throwIfAborted();
    if (this.#operations >= MOST_OPERATIONS) {
      throw new GatewayError("failed", `Cannot ask the router: ${MOST_OPERATIONS} operations wait for it already`);
    }
    this.#operations++;
    const before = this.#last;
    let hasEnded = () => {};
    const ended = new Promise<void>((resolve) => hasEnded = resolve);
    this.#last = before.then(() => ended);
    try {
      await abortable(before, ends);
      return await this.#runNow(operation, { localAddress, ends });
    } finally {
      this.#operations--;
      hasEnded();
    }
  }

  /** Ends all that runs. */
  close(): void {
    this.#closing.abort(new GatewayError("failed", "The router is no longer spoken to"));
  }

  async #runNow<T>(
    operation: (call: Call) => Promise<T>,
    { localAddress, ends }: { readonly localAddress: string; readonly ends: AbortSignal },
  ): Promise<T> {
    const { exchangeMs = 5000, operationMs = 30_000 } = this.#options;
    const late = new AbortController(),
      message = `The router takes longer than ${operationMs} ms for one operation by UPnP`;
    const stopTimer = startTimer(operationMs, () => late.abort(new GatewayError("silent", message)));
    const signal = AbortSignal.any([ends, late.signal]);
    try {
      return await operation(async (action, values = {}) => {
        try {
          return await callAction(this.#service, action, values, { localAddress, signal, limitMs: exchangeMs });
        } catch (error) {
          throw signal.aborted ? new OperationEnded() : error;
        }
      });
    } catch (error) {
      throw error instanceof OperationEnded ? signal.reason : error;
    } finally {
      stopTimer();
    }
  }
}
