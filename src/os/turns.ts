/** Long work on the event loop, cut into turns so that requests that come meanwhile need not wait for all of it. */

/** How turns are cut. */
export interface TurnsOptions {
  /** How long one turn may be, in milliseconds; answering a request takes a few of them. */
  readonly turnMs: number;
  /**
   * Lets the event loop serve the network for a moment. `setImmediate` does not: while there is one, the loop looks at
   * the network only now and then, and requests took 60 ms.
   */
  readonly pause: () => Promise<unknown>;
}

/** A timer of 0 takes 2 ms, so the turns between such pauses are longer. */
const TIMER_TURNS: TurnsOptions = { turnMs: 5, pause: () => new Promise((resolve) => setTimeout(resolve, 0)) };

/** The turns of one piece of work. */
export class Turns {
  readonly #options: TurnsOptions;
  #startedAt = performance.now();

  constructor(options = TIMER_TURNS) {
    this.#options = options;
  }

  /** Whether the turn is over: then await {@linkcode Turns.next}. Cheap enough to be called often. */
  get isOver(): boolean {
    return performance.now() - this.#startedAt >= this.#options.turnMs;
  }

  /** Lets the event loop do other work, then begins the next turn. */
  async next(): Promise<void> {
    await this.#options.pause();
    this.#startedAt = performance.now();
  }
}
