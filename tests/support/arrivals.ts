/** Calls that wait to be ended by a test, and the moment at which so many of them are there. */
export class Arrivals<T> {
  /** Ends each call, in the order in which they came. */
  readonly ends: ((value: T) => void)[] = [];
  readonly #waiting: (readonly [count: number, resolve: () => void])[] = [];

  /** One call; it resolves when the test ends it. */
  arrive(): Promise<T> {
    return new Promise((resolve) => {
      this.ends.push(resolve);
      for (const [count, there] of this.#waiting) if (this.ends.length >= count) there();
    });
  }

  /** Resolves when so many have arrived. */
  until(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.ends.length >= count) resolve();
      else this.#waiting.push([count, resolve]);
    });
  }
}
