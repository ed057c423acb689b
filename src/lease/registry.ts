/**
 * The registry of leases: the only writer. What it answers is on disk; what is not on disk it takes back.
 *
 * Leases live in memory, indexed by id, name and port; the file is read at start and for the history alone.
 */
import { monotonicFactory } from "ulid";
import { PortdError } from "../errors.ts";
import type { Holds } from "../hold/hold.ts";
import type { Process, Processes } from "../process/process.ts";
import { type LeaseRecord, toLease } from "../store/record.ts";
import type { StoredAnswer } from "../store/store.ts";
import type { Allocated, Refused } from "./allocator.ts";
import type { LeaseEventType } from "./events.ts";
import { checkSameHolder, evidenceOf, holderOf, isHandedOn, requireProcess } from "./holder.ts";
import type { EndedState, Exposure, Lease, LeaseListener, Lifetime } from "./lease.ts";
import type { LeaseTable } from "./lease_table.ts";
import { Ledger, type LedgerParts } from "./ledger.ts";
import { firstDeadline, type Outcome, reclaim, type Sighting } from "./reclaim.ts";
import type { Refusals } from "./refusal.ts";
import { lineOf, Turnstile } from "./turnstile.ts";
import type { GrantRequest, Wish } from "./wish.ts";

/** What came of a grant. */
export interface Granted {
  /** In the order of the wishes. */
  readonly leases: readonly Lease[];
  /** False when every one of them was live already. */
  readonly created: boolean;
}

/** What may be changed of a live lease; what is absent stays. */
export interface Amendment {
  readonly labels?: Readonly<Record<string, string>>;
  readonly lifetime?: Lifetime;
  readonly pid?: number;
}

/** What the watch saw of one lease. */
export interface LeaseSighting extends Sighting {
  readonly details: LeaseListener | null;
}

/** What a {@linkcode Registry} is made of. */
export interface RegistryParts extends LedgerParts {
  readonly holds: Holds;
  readonly processes: Processes;
  readonly refusals: Refusals;
  /** Lifetime of a lease that asked for none. */
  readonly defaultLifetime: Lifetime;
  /** How many live leases a user may have that is counted. */
  readonly maxLeasesPerUser: number;
}

/** An answer to be kept with a grant: written in the same transaction. */
export type AnswerOf = (granted: Granted) => StoredAnswer;

/** Options of {@linkcode Registry.grant}. */
export interface GrantOptions {
  readonly answerOf?: AnswerOf | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Ports that are looked at for one to suggest. */
const MOST_CANDIDATES = 8;

/** Grants, renews, amends and ends leases. */
export class Registry {
  /** The live leases, to be read. */
  readonly table: LeaseTable;
  readonly #parts: RegistryParts;
  readonly #ledger: Ledger;
  readonly #turnstile: Turnstile;
  readonly #newId = monotonicFactory();

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#ledger = new Ledger(parts);
    this.table = this.#ledger.table;
    this.#turnstile = new Turnstile(parts.clock);
  }

  /**
   * Grants what is asked for, all or nothing, and answers when it is on disk.
   *
   * @param options.answerOf makes the answer to be kept for a request that may be repeated.
   * @param options.signal takes a request out of the line while it waits.
   * @throws {PortdError} naming the obstacle: `port_leased`, `port_in_use`, `port_excluded`, `port_privileged`,
   * `name_taken`, `too_many_leases`, `pool_exhausted`, `invalid_request` for a pid that does not run, `store_unavailable`.
   */
  async grant(request: GrantRequest, { answerOf, signal }: GrantOptions = {}): Promise<Granted> {
    const process = request.pid === null ? undefined : this.#runningProcess(request.pid);
    const attempt = () => this.#grantNow(request, process, answerOf);
    if (request.wishes.every(({ port }) => port !== undefined)) return await attempt();
    const { waitMs } = request;
    if (waitMs === 0 && this.#turnstile.isIdle) return await attempt();
    const line = lineOf(request);
    if (waitMs > 0) return await this.#turnstile.pass(attempt, { line, waitMs, signal });
    if (this.#turnstile.isEmpty(line) || this.#isLive(request)) return await attempt();
    throw new PortdError("pool_exhausted", "Cannot grant a port: others wait in line for one", { retryAfter: 5 });
  }

  /**
   * Extends a live lease.
   *
   * @param ttlMs makes a lease of kind `ttl` last so long from now; for the others it is refused.
   */
  async renew(id: string, ttlMs?: number): Promise<Lease> {
    while (this.#ledger.endingOf(id) !== undefined) await this.#ledger.endingOf(id);
    const record = this.live(id);
    if (ttlMs !== undefined && record.lifetime.kind !== "ttl") {
      const detail = `lease ${record.id} has a lifetime of kind "${record.lifetime.kind}"`;
      throw new PortdError("invalid_request", `Cannot use "ttlMs": ${detail}`, { field: "ttlMs", value: ttlMs });
    }
    const lifetime = ttlMs === undefined ? record.lifetime : { kind: "ttl", ttlMs } as const;
    const renewed = this.#renewed({ ...record, lifetime });
    return await this.#update(record, renewed, "lease.renewed");
  }

  /** Changes a live lease. */
  async amend(id: string, { labels, lifetime, pid }: Amendment): Promise<Lease> {
    const process = pid === undefined ? undefined : this.#runningProcess(pid);
    while (this.#ledger.endingOf(id) !== undefined) await this.#ledger.endingOf(id);
    const record = this.live(id);
    const holder = process === undefined ? record.holder : { ...record.holder, ...evidenceOf(process) };
    requireProcess(lifetime ?? record.lifetime, holder);
    const amended = { ...record, labels: labels ?? record.labels, lifetime: lifetime ?? record.lifetime, holder };
    const renews = lifetime !== undefined || process !== undefined;
    return await this.#update(record, renews ? this.#renewed(amended) : amended, "lease.changed");
  }

  /** Sets or takes back the wish that a live lease be reachable from outside. */
  async expose(id: string, exposure: Exposure | null): Promise<Lease> {
    while (this.#ledger.endingOf(id) !== undefined) await this.#ledger.endingOf(id);
    const record = this.live(id);
    return await this.#update(record, { ...record, exposure }, "lease.changed");
  }

  /** Ends a live lease. Idempotent; a lease that is not live is left alone. */
  async end(id: string, state: EndedState): Promise<void> {
    const record = this.table.byId(id);
    if (record === undefined) return;
    await this.#ledger.end(record, state);
    this.#turnstile.turn();
  }

  /**
   * Carries every live lease on: states follow listeners, leases whose time is up end, ports that have cooled down
   * come back, whoever waits in line is served.
   *
   * @param sightOf tells what was seen of a lease.
   */
  async tick(sightOf: (record: LeaseRecord) => LeaseSighting): Promise<void> {
    const { allocator, clock, holds } = this.#parts;
    const writes: Promise<unknown>[] = [];
    const now = clock.monotonic();
    for (const record of this.table.all()) {
      if (this.#ledger.endingOf(record.id) !== undefined) continue;
      const sighting = sightOf(record);
      const outcome = reclaim(record, sighting, now);
      if (outcome === "expired") {
        writes.push(this.end(record.id, "expired"));
        continue;
      }
      if (record.hold === "soft" && sighting.listener === "nobody") holds.retake(record.port);
      if (!hasChanged(record, outcome, sighting.details)) continue;
      const next = { ...record, ...outcome, listener: sighting.details };
      writes.push(this.#ledger.update(record, next, eventOf(record, next)));
    }
    allocator.expireQuarantine(now);
    this.#turnstile.turn();
    const failed = (await Promise.allSettled(writes)).find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Takes in a lease as it is: at start, or from an import. The caller has it on disk and its port allocated. */
  adopt(record: LeaseRecord): void {
    this.table.add(record);
  }

  /** Writes a lease that was made elsewhere, with the port it had. @throws as {@linkcode Registry.grant} does. */
  async import(record: LeaseRecord): Promise<void> {
    const { name, port, protocols, hold } = record;
    const wish = { name, port, prefer: [], pool: "default", protocols, hold } as const;
    if (name !== null && this.table.byName(name) !== undefined) {
      throw new PortdError("name_taken", `Cannot import lease "${name}": the name is leased`, { field: "name" });
    }
    const allocation = this.#parts.allocator.allocate(wish, this.#parts.clock.monotonic());
    if ("refused" in allocation) throw await this.#refusal(allocation.refused, wish);
    await this.#ledger.insert([{ ...record, hold: allocation.allocated[0]!.hold }]);
  }

  /** Resolves when whatever a reader may have seen is on disk. */
  async settled(): Promise<void> {
    await this.#parts.store.settled();
  }

  /** A live lease. @throws {PortdError} `lease_ended` or `lease_not_found`. */
  live(id: string): LeaseRecord {
    const record = this.table.byId(id);
    if (record === undefined) throw this.#parts.refusals.notLive(id);
    return record;
  }

  /** Sends away whoever waits for a port. */
  close(): void {
    this.#turnstile.close();
  }

  /** The lease for clients. */
  present(record: LeaseRecord): Lease {
    return toLease(record, this.#parts.clock);
  }

  async #grantNow(request: GrantRequest, process: Process | undefined, answerOf?: AnswerOf): Promise<Granted> {
    for (let ending = this.#endingName(request); ending !== undefined; ending = this.#endingName(request)) await ending;
    // From here until the leases are in the ledger nothing is awaited: nobody else gets the same name or port.
    const found = request.wishes.flatMap(({ name }) => (name !== null && this.table.byName(name)) || []);
    if (found.length > 0) {
      const followed = await this.#follow(found, request, process);
      if (answerOf !== undefined) await this.#parts.store.write([{ kind: "answer", answer: answerOf(followed) }]);
      return followed;
    }
    this.table.owners.checkBound(request.owner, request.wishes.length, this.#parts.maxLeasesPerUser);
    const outcome = this.#allocateAll(request);
    if ("refused" in outcome) throw await this.#refusal(outcome.refused, outcome.wish);
    const records = outcome.allocated.map((port, i) => this.#record(request, request.wishes[i]!.name, port, process));
    const granted = { leases: records.map((record) => this.present(record)), created: true };
    await this.#ledger.insert(records, answerOf === undefined ? [] : [{ kind: "answer", answer: answerOf(granted) }]);
    return granted;
  }

  /** Whether every name that is asked for is leased: then no port is needed. */
  #isLive({ wishes }: GrantRequest): boolean {
    return wishes.every(({ name }) => name !== null && this.table.byName(name) !== undefined);
  }

  /** The end that is under way of a lease whose name is asked for. */
  #endingName({ wishes }: GrantRequest): Promise<void> | undefined {
    for (const { name } of wishes) {
      const record = name === null ? undefined : this.table.byName(name);
      const ending = record && this.#ledger.endingOf(record.id);
      if (ending !== undefined) return ending;
    }
  }

  /** Answers a request for live names with their leases; names of the same request that are new are granted. */
  async #follow(found: LeaseRecord[], request: GrantRequest, process: Process | undefined): Promise<Granted> {
    for (const record of found) checkSameHolder(record, request, this.#parts.processes);
    const missing = request.wishes.filter(({ name }) => !found.some((record) => record.name === name));
    const rest = missing.length === 0 ? [] : (await this.#grantNow({ ...request, wishes: missing }, process)).leases;
    const followed = await Promise.all(found.map((record) => {
      const holder = process === undefined ? record.holder : holderOf(request, process);
      const follows = record.lifetime.kind === "listener" || record.lifetime.kind === "process";
      const lifetime = follows ? request.lifetime ?? record.lifetime : record.lifetime;
      const renewed = this.#renewed({ ...record, holder, lifetime });
      const kept = isHandedOn(record, process, request) ? null : record.exposure;
      const exposure = request.exposure ?? kept;
      const event = exposure === record.exposure ? "lease.renewed" : "lease.changed";
      return this.#update(record, { ...renewed, exposure }, event);
    }));
    const byName = new Map([...followed, ...rest].map((lease) => [lease.name, lease]));
    return { leases: request.wishes.map(({ name }) => byName.get(name)!), created: rest.length > 0 };
  }

  #allocateAll({ wishes, contiguous }: GrantRequest): AllAllocated {
    const { allocator, clock } = this.#parts;
    const now = clock.monotonic();
    if (contiguous) {
      const allocation = allocator.allocateBlock(wishes[0]!, wishes.length, now);
      return "refused" in allocation ? { ...allocation, wish: wishes[0]! } : allocation;
    }
    const allocated: Allocated[] = [];
    for (const wish of wishes) {
      const allocation = allocator.allocate(wish, now);
      if ("refused" in allocation) {
        for (const port of allocated) allocator.undo(port);
        return { refused: allocation.refused, wish };
      }
      allocated.push(...allocation.allocated);
    }
    return { allocated };
  }

  async #refusal(refused: Refused, wish: Wish): Promise<PortdError> {
    const { allocator, refusals } = this.#parts;
    const lease = "port" in refused ? this.table.byPort(refused.port, wish.protocols) : undefined;
    const candidates = allocator.candidates(wish.protocols, MOST_CANDIDATES);
    return await refusals.explain(refused, { wish, lease: lease && this.present(lease), candidates });
  }

  #record(request: GrantRequest, name: string | null, port: Allocated, process: Process | undefined): LeaseRecord {
    const { clock, defaultLifetime, processes } = this.#parts;
    const holder = holderOf(request, process);
    const lifetime = request.lifetime ?? defaultLifetime;
    requireProcess(lifetime, holder);
    return {
      id: this.#newId(clock.now()),
      name,
      project: request.project,
      ...port,
      state: "granted",
      holder,
      lifetime,
      labels: request.labels,
      owner: request.owner,
      listener: null,
      exposure: request.exposure ?? null,
      claimed: false,
      grantedAt: clock.now(),
      renewedAt: clock.now(),
      endedAt: null,
      deadline: firstDeadline({ lifetime, claimed: false }, clock.monotonic()),
      bootId: processes.bootId,
    };
  }

  async #update(record: LeaseRecord, next: LeaseRecord, event: LeaseEventType): Promise<Lease> {
    await this.#ledger.update(record, next, event);
    return this.present(next);
  }

  #renewed(record: LeaseRecord): LeaseRecord {
    const { clock } = this.#parts;
    const isUsed = record.state === "listening" || record.state === "conflict";
    const keeps = record.lifetime.kind === "listener" && isUsed; // its time runs only while nobody listens
    const deadline = keeps ? record.deadline : firstDeadline(record, clock.monotonic());
    return { ...record, renewedAt: clock.now(), deadline };
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

/** What came of all the wishes of a request. */
type AllAllocated =
  | { readonly allocated: readonly Allocated[] }
  | { readonly refused: Refused; readonly wish: Wish };

function hasChanged(before: LeaseRecord, after: Outcome, listener: LeaseListener | null): boolean {
  return before.state !== after.state || before.deadline !== after.deadline || before.claimed !== after.claimed ||
    before.listener?.pid !== listener?.pid || before.listener?.address !== listener?.address;
}

function eventOf(before: LeaseRecord, after: LeaseRecord): LeaseEventType {
  if (before.state === after.state || after.state === "granted") return "lease.changed";
  return `lease.${after.state}` as LeaseEventType;
}
