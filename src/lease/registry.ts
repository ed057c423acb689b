/**
 * The registry of leases: the only writer. It answers when a change is on disk, and takes back what does not get there.
 *
 * Leases are in memory, indexed by id, name and port; the file is read only at start and for the history.
 */
import { PortdError } from "../errors.ts";
import type { Process } from "../process/process.ts";
import type { LedgerCounts } from "./counts.ts";
import type { LeaseEventType } from "./events.ts";
import { type AnswerOf, type Granted, Grants, type RegistryParts } from "./grants.ts";
import { checkExposedChange, evidenceOf, requireProcess } from "./holder.ts";
import type { EndedState, Exposure, Lease, LeaseListener, Lifetime } from "./lease.ts";
import type { LeaseTable } from "./lease_table.ts";
import { inEntries, Ledger } from "./ledger.ts";
import { MANY_PORTS, PortGate } from "./port_gate.ts";
import { eventOf, hasChanged, type Observation, reclaim, renewal } from "./reclaim.ts";
import { changed, type LeaseRecord, toLease } from "./record.ts";
import type { Change } from "./store/store.ts";
import { WaitQueue } from "./wait_queue.ts";
import type { GrantRequest } from "./wish.ts";

/** What may be changed of a live lease; what is absent stays. */
export interface Amendment {
  readonly labels?: Lease["labels"] | undefined;
  readonly lifetime?: Lifetime | undefined;
  readonly pid?: number | undefined;
  /** Whether the caller has the scope `expose`. @default false */
  readonly mayExpose?: boolean;
}

/** Options of {@linkcode Registry.renew}. */
export interface RenewOptions {
  readonly ttlMs?: number | undefined;
  /** Whether the caller has the scope `expose`. @default false */
  readonly mayExpose?: boolean;
}

/** An observation with what the registry needs of it beside the state. */
export interface LeaseObservation extends Observation {
  /** Whether anybody listens on the TCP port, so that no hold can be taken. */
  readonly isTcpUsed: boolean;
  readonly details: LeaseListener | null;
}

/** Options of {@linkcode Registry.grant}. */
export interface GrantOptions {
  readonly answerOf?: AnswerOf | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Grants, renews, amends and ends leases. */
export class Registry {
  /** The live leases, for reading. */
  readonly table: LeaseTable;
  /** Leases that were granted or imported, and that ended. */
  readonly counts: Readonly<LedgerCounts>;
  readonly #parts: RegistryParts;
  readonly #ledger: Ledger;
  readonly #grants: Grants;
  readonly #queue: WaitQueue;
  readonly #gate: PortGate;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    const { allocator, clock } = parts;
    this.#gate = new PortGate(clock);
    this.#ledger = new Ledger(parts, (port, protocols) => this.#queue.freed(port, protocols));
    this.table = this.#ledger.table;
    this.counts = this.#ledger.counts;
    this.#grants = new Grants(parts, this.#ledger);
    this.#queue = new WaitQueue(clock, (port) => allocator.isPooled(port));
  }

  /**
   * Grants all of a request or nothing, and answers when that is on disk.
   *
   * @param options.answerOf makes the answer that is kept for a request that may be repeated.
   * @param options.signal takes a waiting request out of the queue.
   * @throws {PortdError} naming the obstacle: `port_leased`, `port_in_use`, `port_excluded`, `port_privileged`,
   * `name_taken`, `scope_required`, `too_many_leases`, `pool_exhausted`, `invalid_request` for a pid that does not run,
   * `store_unavailable`.
   */
  grant(request: GrantRequest, options: GrantOptions = {}): Promise<Granted> {
    const isSmall = request.wishes.length < MANY_PORTS;
    const granted = isSmall ? this.#grant(request, options) : this.#grantMany(request, options);
    granted.catch((error) => this.#parts.activity.refused(error));
    return granted;
  }

  async #grantMany(request: GrantRequest, options: GrantOptions): Promise<Granted> {
    const ports = request.wishes.length;
    const entering = this.#gate.enter(ports, options.signal);
    if (entering !== undefined) await entering;
    let isIn = true;
    const decided = () => {
      if (isIn) this.#gate.leave(ports);
      isIn = false;
    };
    try {
      return await this.#grant(request, options, decided);
    } finally {
      decided();
    }
  }

  /** @param waits is called when the request has to wait in the queue. */
  async #grant(
    request: GrantRequest,
    { answerOf, signal }: GrantOptions,
    waits: () => void = () => {},
  ): Promise<Granted> {
    const process = request.pid === null ? undefined : this.#runningProcess(request.pid);
    for (let ending = this.#grants.endingOf(request); ending !== undefined; ending = this.#grants.endingOf(request)) {
      await ending;
    }
    this.#expireQuarantine();
    let isGranted = false;
    const attempt = () => {
      const outcome = this.#grants.attempt(request, process, answerOf);
      isGranted = outcome !== "later" && "granted" in outcome;
      return outcome;
    };
    const mayOvertake = this.#grants.needsNoPool(request);
    const granted = this.#queue.enter(attempt, { request, signal, mayOvertake });
    if (!isGranted) waits();
    return await granted;
  }

  /**
   * Extends a live lease.
   *
   * @param options.ttlMs is the time that a lease of kind `ttl` lasts from now; other kinds refuse it.
   */
  async renew(id: string, { ttlMs, mayExpose = false }: RenewOptions = {}): Promise<Lease> {
    while (this.#ledger.endingOf(id) !== undefined) await this.#ledger.endingOf(id);
    const record = this.live(id);
    const lifetime = ttlMs === undefined ? record.lifetime : { kind: "ttl", ttlMs } as const;
    checkExposedChange(record, { holder: record.holder, lifetime }, mayExpose);
    if (lifetime.kind !== record.lifetime.kind) {
      const { name, lifetime: { kind } } = record;
      const detail = `the lifetime of lease ${name ?? record.id} is of kind "${kind}", not "ttl"`;
      throw new PortdError("invalid_request", `Cannot use "ttlMs": ${detail}`, { field: "ttlMs", value: ttlMs });
    }
    return await this.#change(record, { lifetime, ...this.#renewal({ ...record, lifetime }) }, "lease.renewed");
  }

  /** Changes a live lease. */
  async amend(id: string, { labels, lifetime: asked, pid, mayExpose = false }: Amendment): Promise<Lease> {
    const process = pid === undefined ? undefined : this.#runningProcess(pid);
    while (this.#ledger.endingOf(id) !== undefined) await this.#ledger.endingOf(id);
    const record = this.live(id);
    const holder = process === undefined ? record.holder : { ...record.holder, ...evidenceOf(process) };
    const lifetime = asked ?? record.lifetime;
    requireProcess(lifetime, holder);
    checkExposedChange(record, { holder, lifetime }, mayExpose);
    const times = asked !== undefined || process !== undefined ? this.#renewal({ ...record, lifetime }) : {};
    return await this.#change(record, { labels: labels ?? record.labels, lifetime, holder, ...times }, "lease.changed");
  }

  /** Sets or removes the wish that a live lease be reachable from outside. */
  async expose(id: string, exposure: Exposure | null): Promise<Lease> {
    while (this.#ledger.endingOf(id) !== undefined) await this.#ledger.endingOf(id);
    const record = this.live(id);
    return await this.#change(record, { exposure }, "lease.changed");
  }

  /** Ends a live lease. Idempotent: for a lease that is not live it does nothing. */
  async end(id: string, state: EndedState): Promise<void> {
    await this.#ledger.end([id], state);
  }

  /**
   * Ends live leases; those that are not live are ignored. Those of one part ({@linkcode inEntries}) end together, all or
   * none; of several parts, some may have ended when it fails.
   */
  async endAll(ids: readonly string[], state: EndedState): Promise<void> {
    for (const some of inEntries(ids)) {
      await this.#gate.pass(some.length, () => this.#ledger.end(some, state));
    }
  }

  /**
   * Brings every live lease up to date: states follow listeners, leases whose time is up end, ports that have cooled down
   * come back, and the queue is served.
   *
   * @param observe returns what was seen of a lease.
   */
  async tick(observe: (record: LeaseRecord) => LeaseObservation): Promise<void> {
    const { allocator, clock, holds } = this.#parts;
    const writes: Promise<unknown>[] = [], expired: string[] = [];
    const now = clock.monotonic();
    for (const record of this.table.all()) {
      if (this.#ledger.endingOf(record.id) !== undefined) continue;
      const observation = observe(record);
      const outcome = reclaim(record, observation, now);
      // Also for a lease whose time is up: it keeps its port until its end is on the disk.
      if (record.hold === "soft" && !observation.isTcpUsed) holds.retake(record.port);
      if (outcome === "expired") {
        // A version that is not on the disk may be taken back, and its deadline with it.
        if (this.#ledger.writtenOf(record) === record) expired.push(record.id);
        continue;
      }
      if (!hasChanged(record, outcome, observation.details)) continue;
      const changes = { ...outcome, listener: observation.details };
      writes.push(this.#change(record, changes, eventOf(record, outcome)));
    }
    // Together, so that a request which waits for all of their ports is not overtaken by one that waits for a few.
    for (const some of inEntries(expired)) writes.push(this.#ledger.end(some, "expired"));
    allocator.expireQuarantine(now);
    this.#queue.retry();
    const failed = (await Promise.allSettled(writes)).find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Adds a lease as it is, at start. It must be on disk, and its port allocated. */
  adopt(record: LeaseRecord): void {
    this.table.add(record);
  }

  /**
   * Adds leases from elsewhere with the ports they had there, all that are possible in one transaction.
   *
   * @param more is written in the same transaction.
   * @returns why each of the others is not possible, by its id.
   * @throws {PortdError} `store_unavailable`; then none of them is written.
   */
  async import(records: readonly LeaseRecord[], more: readonly Change[]): Promise<ReadonlyMap<string, Error>> {
    this.#expireQuarantine();
    return await this.#grants.import(records, more);
  }

  /** How many requests wait for a port. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** The live leases as they are on the disk: a new one that is being written is not among them yet. */
  *written(): Generator<LeaseRecord> {
    for (const record of this.table.all()) {
      const written = this.#ledger.writtenOf(record);
      if (written !== undefined) yield written;
    }
  }

  /** A live lease as it is on the disk; `undefined` when it is not there yet, or has ended. */
  onDisk(id: string): LeaseRecord | undefined {
    const record = this.table.byId(id);
    return record && this.#ledger.writtenOf(record);
  }

  /** A live lease. @throws {PortdError} `lease_ended` or `lease_not_found`. */
  live(id: string): LeaseRecord {
    const record = this.table.byId(id);
    if (record === undefined) throw this.#parts.refusals.notLive(id);
    return record;
  }

  /** @throws {PortdError} `store_unavailable` when a crash may bring back a lease that has ended: the disk has failed. */
  checkEnds(): void {
    if (!this.#parts.store.hasFailed) return;
    throw new PortdError("store_unavailable", "Cannot promise that it has ended: the disk has failed; restart portd");
  }

  /** Refuses all requests that wait for a port. */
  close(): void {
    this.#queue.close();
  }

  /** The lease for clients. */
  present(record: LeaseRecord): Lease {
    return toLease(record, this.#parts.clock);
  }

  async #change(before: LeaseRecord, changes: Partial<LeaseRecord>, event: LeaseEventType): Promise<Lease> {
    const after = changed(before, changes);
    await this.#ledger.commit({ changed: [{ before, after, event }] });
    return this.present(after);
  }

  #renewal(record: LeaseRecord): Pick<LeaseRecord, "renewedAt" | "deadline"> {
    return renewal(record, this.#parts.clock);
  }

  /** Ports that have cooled down go first to requests that wait already. */
  #expireQuarantine(): void {
    const { allocator, clock } = this.#parts;
    if (allocator.expireQuarantine(clock.monotonic())) this.#queue.retry();
  }

  #runningProcess(pid: number): Process {
    const process = this.#parts.processes.find(pid);
    if (process !== undefined) return process;
    const expected = "the number of a running process";
    throw new PortdError("invalid_request", `Cannot use "pid": must be ${expected}, and no process ${pid} runs`, {
      field: "pid",
      value: pid,
      expected,
    });
  }
}
