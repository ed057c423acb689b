/** What the system has not answered yet: syncs of the disk, questions to the kernel, changes of the firewall. */

/** One answer that is awaited. */
export interface Awaited {
  readonly what: string;
  /** Whether the system may answer it with an error. */
  readonly canFail: boolean;
  settle(error?: Error): void;
}

/** Answers of the system, which come in the order that the seed says. */
export class Pending {
  #list: Awaited[] = [];
  /** While this is false, only syncs wait, and everything else is answered at once. */
  isSlow = false;

  get size(): number {
    return this.#list.length;
  }

  at(index: number): Awaited {
    return this.#list[index]!;
  }

  /** The index of one that may fail; -1 when there is none. */
  findFallible(): number {
    return this.#list.findIndex(({ canFail }) => canFail);
  }

  /** Answers with `value()` at the time of the answer. */
  answerLater<T>(what: string, value: () => T, canFail = false): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#list.push({ what, canFail, settle: (error) => error === undefined ? resolve(value()) : reject(error) });
    return promise;
  }

  /** The same, but at once while the system is not slow. */
  answer<T>(what: string, value: () => T): Promise<T> {
    return this.isSlow ? this.answerLater(what, value) : Promise.resolve(value());
  }

  /** Answers one. @returns what it was. */
  settle(index: number, error?: Error): string {
    const [awaited] = this.#list.splice(index, 1);
    awaited!.settle(error);
    return awaited!.what;
  }

  /** Drops everything: the run that waits for the answers has ended. */
  drop(): void {
    this.#list = [];
  }
}
