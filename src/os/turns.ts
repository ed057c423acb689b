/** Long work on the event loop, cut into turns so that what others ask for meanwhile is not kept waiting. */

/**
 * Lets the event loop wait for the network for a moment. `setImmediate` would not do: while there is one, the loop looks
 * at the network only now and then, and requests took 60 ms.
 */
export type Pause = () => Promise<unknown>;

/** How turns are cut. */
export interface TurnsOptions {
  /** How long one turn may be, in milliseconds; answering a request takes a few of them. */
  readonly turnMs: number;
  readonly pause: Pause;
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

  /** Whether the turn is over: then {@linkcode Turns.next} is to be awaited. Cheap enough to be asked often. */
  get isOver(): boolean {
    return performance.now() - this.#startedAt >= this.#options.turnMs;
  }

  /** Lets the event loop do everything else that is due. */
  async next(): Promise<void> {
    await this.#options.pause();
    this.#startedAt = performance.now();
  }
}
