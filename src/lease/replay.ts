/**
 * Requests that may be repeated: the same key with the same request gets the same leases, also after a restart. Follows
 * draft-ietf-httpapi-idempotency-key-header.
 */
import { PortdError } from "../errors.ts";
import type { AnswerOf, Granted } from "./grants.ts";
import type { Lease } from "./lease.ts";
import type { Registry } from "./registry.ts";
import type { Store, StoredAnswer } from "./store/store.ts";

/** A request with its key. */
export interface KeyedRequest {
  /** Whose key it is: the same key of another caller is another key. */
  readonly caller: string;
  readonly key: string;
  /** Digest of the request. */
  readonly fingerprint: string;
}

/**
 * Grants the request. The answer that `keep` makes must be written in one transaction with the leases; `signal` is
 * aborted when nobody waits any more.
 */
export type Make = (keep: AnswerOf, signal: AbortSignal) => Promise<Granted>;

/** What a {@linkcode Replay} works on. */
export interface ReplayParts {
  readonly store: Store;
  readonly registry: Registry;
}

/** Answers a repeated request with the same leases, and refuses a key that was used for another request. */
export class Replay {
  readonly #parts: ReplayParts;
  readonly #running = new Map<string, { readonly fingerprint: string; readonly work: SharedWork<Granted> }>();

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  /**
   * Grants a request once. Callers that repeat it meanwhile wait for the same grant, which goes on as long as one of them
   * waits. Callers that repeat it later get its leases as they are then.
   *
   * @param signal ends the wait of this caller only.
   * @throws {PortdError} `idempotency_key_reused`; `lease_ended` when one of the leases is not in the history any more;
   * whatever `make` throws, and then the key can be used again.
   */
  async run(request: KeyedRequest, make: Make, signal?: AbortSignal): Promise<Granted> {
    const id = JSON.stringify([request.caller, request.key]);
    let running = this.#running.get(id);
    while (running?.work.isAbandoned) { // it may have been granted nevertheless
      await running.work.ended;
      running = this.#running.get(id);
    }
    const known = running ?? this.#knownAnswer(request);
    if (known !== undefined && known.fingerprint !== request.fingerprint) throw keyReused(request);
    if (known !== undefined && "leaseIds" in known) return this.#again(known);
    return await (running?.work ?? this.#start(id, request, make)).wait(signal);
  }

  /** @throws {PortdError} `store_unavailable` when the answer may not be on the disk. */
  #knownAnswer(request: KeyedRequest): StoredAnswer | undefined {
    const { store } = this.#parts;
    const known = store.answer(request);
    if (known === undefined || !store.hasFailed) return known;
    const message = `Cannot answer the Idempotency-Key "${request.key}" again: the disk has failed; restart portd`;
    throw new PortdError("store_unavailable", message);
  }

  #start(id: string, request: KeyedRequest, make: Make): SharedWork<Granted> {
    const keep: AnswerOf = ({ leases, created }) => {
      return { ...request, status: created ? 201 : 200, leaseIds: leases.map((lease) => lease.id) };
    };
    const work = new SharedWork((signal) => make(keep, signal));
    this.#running.set(id, { fingerprint: request.fingerprint, work });
    void work.ended.then(() => this.#running.delete(id));
    return work;
  }

  #again({ key, status, leaseIds }: StoredAnswer): Granted {
    return { leases: leaseIds.map((id) => this.#lease(id, key)), created: status === 201 };
  }

  #lease(id: string, key: string): Lease {
    const { store, registry } = this.#parts;
    const record = registry.onDisk(id) ?? store.find(id);
    if (record !== undefined) return registry.present(record);
    const message = `Cannot answer the Idempotency-Key "${key}" again: its lease ${id} has ended, ` +
      "and is not in the history any more";
    throw new PortdError("lease_ended", message, { field: "idempotency-key", value: key, leaseId: id });
  }
}

/** Work for which several callers wait; it is aborted when the last of them leaves. */
class SharedWork<T> {
  /** Resolves when the work has succeeded or failed. */
  readonly ended: Promise<void>;
  readonly #result: Promise<T>;
  readonly #abandoned = new AbortController();
  #waiting = 0;

  constructor(make: (signal: AbortSignal) => Promise<T>) {
    this.#result = make(this.#abandoned.signal);
    this.ended = this.#result.then(() => undefined, () => undefined);
  }

  get isAbandoned(): boolean {
    return this.#abandoned.signal.aborted;
  }

  /** The result. @throws what the work throws; the signal's reason, which ends this wait only. */
  async wait(signal?: AbortSignal): Promise<T> {
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal?.reason);
    signal?.addEventListener("abort", leave);
    if (signal?.aborted) leave();
    this.#waiting++;
    try {
      return await Promise.race([this.#result, left]);
    } finally {
      signal?.removeEventListener("abort", leave);
      if (--this.#waiting === 0) this.#abandoned.abort(signal?.reason);
    }
  }
}

function keyReused({ key }: KeyedRequest): PortdError {
  const message = `Cannot use the Idempotency-Key "${key}" again: it was used for another request before`;
  return new PortdError("idempotency_key_reused", message, { field: "idempotency-key", value: key });
}
