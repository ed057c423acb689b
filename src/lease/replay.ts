/**
 * Requests that may be repeated: the same key and the same request get the same answer, also after a restart. After
 * draft-ietf-httpapi-idempotency-key-header.
 */
import { PortdError } from "../errors.ts";
import type { Store, StoredAnswer } from "../store/store.ts";

/** An answer as it goes out. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request by its key and what it says. */
export interface KeyedRequest {
  readonly key: string;
  /** Digest of the request. */
  readonly fingerprint: string;
}

/** Makes the form in which an answer is kept. */
export type Keep = (answer: Answer) => StoredAnswer;

/** Refuses a key that was used for something else, and gives an answer a second time. */
export class Replay {
  readonly #store: Store;
  readonly #running = new Map<string, { readonly fingerprint: string; readonly answer: Promise<Answer> }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Answers a request once.
   *
   * @param make does the work; what it hands to `keep` must be written in one transaction with it.
   * @throws {PortdError} `idempotency_key_reused`; whatever `make` throws, and then the key is free again.
   */
  async run({ key, fingerprint }: KeyedRequest, make: (keep: Keep) => Promise<Answer>): Promise<Answer> {
    const running = this.#running.get(key);
    const known = running ?? this.#store.answer(key);
    if (known !== undefined && known.fingerprint !== fingerprint) {
      const message = `Cannot use the Idempotency-Key "${key}" again: it came with another request before`;
      throw new PortdError("idempotency_key_reused", message, { field: "idempotency-key", value: key });
    }
    if (running !== undefined) return await running.answer;
    if (known !== undefined) return known as StoredAnswer;
    const answer = make((made) => ({ key, fingerprint, ...made }));
    this.#running.set(key, { fingerprint, answer });
    try {
      return await answer;
    } finally {
      this.#running.delete(key);
    }
  }
}
