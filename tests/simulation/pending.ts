/** What the system has not answered yet: syncs of the disk, looks at the kernel, changes of the firewall. */

/** One answer that is awaited. */
export interface Awaited {
  readonly what: string;
  /** Whether the system may answer it with an error. */
  readonly canFail: boolean;
  settle(error?: Error): void;
}

/** Answers that come in the order of the seed. */
export class Pending {
  #list: Awaited[] = [];
  /** Looks and firewall changes are answered at once while this is false; syncs always wait. */
  isSlow = false;

  get size(): number {
    return this.#list.length;
  }

  at(index: number): Awaited {
    return this.#list[index]!;
  }

  /** The place of one that may fail; -1 when there is none. */
  findFallible(): number {
    return this.#list.findIndex(({ canFail }) => canFail);
  }

  /** Answers with `value()` at the time of the answer. */
  answerLater<T>(what: string, value: () => T, canFail = false): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#list.push({ what, canFail, settle: (error) => error === undefined ? resolve(value()) : reject(error) });
    return promise;
  }

  /** The same for what is not always slow. */
  answer<T>(what: string, value: () => T): Promise<T> {
    return this.isSlow ? this.answerLater(what, value) : Promise.resolve(value());
  }

  /** Answers one. @returns what it was. */
  settle(index: number, error?: Error): string {
    const [awaited] = this.#list.splice(index, 1);
    awaited!.settle(error);
    return awaited!.what;
  }

  /** Nobody is left to hear the answers. */
  drop(): void {
    this.#list = [];
  }
}
