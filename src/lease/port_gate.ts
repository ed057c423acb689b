/**
 * Lets requests for many ports through one after the other, each a moment after the one before is on disk. So a small
 * request, which does not use the gate, waits for one of them at most, however many there are.
 */
import type { Clock } from "../clock.ts";

/** Requests for fewer ports do not use the gate. */
export const MANY_PORTS = 8;
/** How many ports are worked on at once; a single request may be for more. */
const MOST_IN_PROGRESS = 32;
/**
 * The pause after each port of a request, in milliseconds: about as long as the work took. Meanwhile the event loop looks
 * at the network, and small requests that have come begin.
 */
const PAUSE_A_PORT_MS = 0.04;

interface Waiting {
  readonly ports: number;
  readonly enter: () => void;
}

/** A queue of requests in the order of arrival. */
export class PortGate {
  readonly #clock: Pick<Clock, "after">;
  readonly #queue: Waiting[] = [];
  #inProgress = 0;
  #isPausing = false;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /**
   * Resolves when a request for so many ports may begin; `undefined` when it may begin at once. Then
   * {@linkcode PortGate.leave} must follow.
   *
   * @param signal takes the request out of the queue; the promise rejects with its reason.
   */
  enter(ports: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#queue.length > 0 || !this.#hasRoomFor(ports)) return this.#wait(ports, signal);
    this.#inProgress += ports;
  }

  /** Does `work` for so many ports when it may begin; few ports do not use the gate. */
  async pass(ports: number, work: () => Promise<void>): Promise<void> {
    if (ports < MANY_PORTS) return await work();
    const entering = this.enter(ports);
    if (entering !== undefined) await entering;
    try {
      await work();
    } finally {
      this.leave(ports);
    }
  }

  /** A request for so many ports is done, or waits elsewhere until a port becomes free. */
  leave(ports: number): void {
    this.#inProgress -= ports;
    if (this.#isPausing) return;
    this.#isPausing = true;
    this.#clock.after(Math.ceil(ports * PAUSE_A_PORT_MS), () => {
      this.#isPausing = false;
      this.#admit();
    });
  }

  #admit(): void {
    for (let [first] = this.#queue; first !== undefined && this.#hasRoomFor(first.ports); [first] = this.#queue) {
      this.#queue.shift();
      this.#inProgress += first.ports;
      first.enter();
    }
  }

  #wait(ports: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      this.#queue.splice(this.#queue.indexOf(waiting), 1);
      reject(signal?.reason);
    };
    const waiting = {
      ports,
      enter() {
        signal?.removeEventListener("abort", abort);
        resolve();
      },
    };
    signal?.addEventListener("abort", abort);
    this.#queue.push(waiting);
    return promise;
  }

  #hasRoomFor(ports: number): boolean {
    if (this.#isPausing) return false;
    return this.#inProgress === 0 || this.#inProgress + ports <= MOST_IN_PROGRESS;
  }
}
