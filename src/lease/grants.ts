/**
 * Decides on requests for ports. A decision takes one turn of the event loop, from the first look at the leases to the
 * one entry for the ledger: nothing is awaited in between, so the leases cannot change meanwhile.
 */
import { monotonicFactory } from "ulid";
import { PortdError } from "../errors.ts";
import type { Holds } from "../hold/hold.ts";
import type { Process, Processes } from "../process/process.ts";
import type { ActivityCounter } from "./activity.ts";
import type { Allocated, Refused } from "./allocator.ts";
import {
  checkExposedChange,
  checkSameHolder,
  holderOf,
  isSameLifetime,
  lifetimeAfter,
  requireProcess,
} from "./holder.ts";
import type { Lease, Lifetime } from "./lease.ts";
import type { LeaseTable } from "./lease_table.ts";
import type { LeaseChange, Ledger, LedgerParts, NewLease } from "./ledger.ts";
import { checkLiveBlock, checkLivePort } from "./live_port.ts";
import { firstDeadline, renewal } from "./reclaim.ts";
import { changed, type LeaseRecord, toLease } from "./record.ts";
import type { Refusals } from "./refusal.ts";
import { type Demand, demandOf, isHopeless } from "./shortage.ts";
import type { Change, StoredAnswer } from "./store/store.ts";
import { Surveyor } from "./surveyor.ts";
import type { Attempt } from "./wait_queue.ts";
import type { GrantRequest, Wish } from "./wish.ts";

/** Makes the answer that is kept with a grant; it is written in the same transaction. */
export type AnswerOf = (granted: Granted) => StoredAnswer;

/** The result of a grant. */
export interface Granted {
  /** In the order of the wishes. */
  readonly leases: readonly Lease[];
  /** False when all of them were live already. */
  readonly created: boolean;
}

/** What a {@linkcode Registry} is made of. */
export interface RegistryParts extends LedgerParts {
  readonly holds: Holds;
  readonly processes: Processes;
  readonly refusals: Refusals;
  readonly activity: Pick<ActivityCounter, "refused">;
  /** Lifetime of a lease that asked for none. */
  readonly defaultLifetime: Lifetime;
  /** Whether the OS may hand out the port by itself. */
  readonly isEphemeral: (port: number) => boolean;
  /** How many live leases a counted user may have. */
  readonly maxLeasesPerUser: number;
}

/** How many ports are looked at to suggest one in a refusal. */
const MOST_CANDIDATES = 8;

/** Grants or refuses requests. */
export class Grants {
  readonly #parts: RegistryParts;
  readonly #ledger: Ledger;
  readonly #surveyor: Surveyor;
  readonly #newId = monotonicFactory();

  constructor(parts: RegistryParts, ledger: Ledger) {
    this.#parts = parts;
    this.#ledger = ledger;
    this.#surveyor = new Surveyor({ ...parts, privilegedBelow: parts.refusals.privilegedBelow });
  }

  /** Resolves when a lease whose name is asked for has ended; `undefined` when none of them is ending. */
  endingOf({ wishes }: GrantRequest): Promise<unknown> | undefined {
    for (const { name } of wishes) {
      const record = name === null ? undefined : this.#table.byName(name);
      const ending = record && this.#ledger.endingOf(record.id);
      if (ending !== undefined) return ending;
    }
  }

  /**
   * Grants a request, or says why not. Leases of names that are live already are renewed and returned.
   *
   * @throws {PortdError} when waiting for a port would not help.
   */
  attempt(request: GrantRequest, process: Process | undefined, answerOf?: AnswerOf): Attempt<Granted> {
    if (this.endingOf(request) !== undefined) return "later";
    const found = this.#changesOfLive(request, process);
    const wishes = request.wishes.filter(({ name }) => name === null || !found.has(name));
    if (wishes.length > 0) requireProcess(this.#lifetimeOf(request), holderOf(request, process));
    this.#table.owners.checkBound(request.owner, wishes.length, this.#parts.maxLeasesPerUser);
    const outcome = this.#allocateAll(wishes, request.contiguous);
    if ("refused" in outcome) return this.#refused(outcome, request, wishes);
    const added = outcome.allocated.map((allocated, i) => {
      return { allocated, record: this.#record(request, wishes[i]!.name, allocated, process) };
    });
    return { granted: this.#commit(request, { added, found, answerOf }) };
  }

  /** Whether every name is leased already, or every port is asked for by number: then no port of the pool is needed. */
  needsNoPool({ wishes }: GrantRequest): boolean {
    return wishes.every(({ port }) => port !== undefined) ||
      wishes.every(({ name }) => name !== null && this.#table.byName(name) !== undefined);
  }

  /** As `Registry.import`. */
  async import(records: readonly LeaseRecord[], more: readonly Change[]): Promise<ReadonlyMap<string, Error>> {
    const added: NewLease[] = [], refused = new Map<string, Promise<Error>>(), names = new Set<string>();
    for (const record of records) {
      const { id, name, port, protocols, hold } = record;
      if (name !== null && (names.has(name) || this.#table.byName(name) !== undefined)) {
        const message = `Cannot import lease "${name}": the name is leased`;
        refused.set(id, Promise.resolve(new PortdError("name_taken", message, { field: "name" })));
        continue;
      }
      const wish = { name, port, prefer: [], pool: "default", protocols, hold } as const;
      const allocation = this.#parts.allocator.allocate(wish, this.#parts.clock.monotonic());
      if ("refused" in allocation) {
        refused.set(id, this.refusal(allocation.refused, { wish, asked: 1, contiguous: false, waitMs: 0 }));
        continue;
      }
      const allocated = allocation.allocated[0]!;
      added.push({ record: { ...record, hold: allocated.hold }, allocated });
      if (name !== null) names.add(name);
    }
    await this.#ledger.commit({ added, more });
    const errors = new Map<string, Error>();
    for (const [id, refusal] of refused) errors.set(id, await refusal);
    return errors;
  }

  /** The error for a wish that cannot be granted. What it says about other leases and ports is true at this moment. */
  async refusal(refused: Refused, demand: Demand, waiting = 0): Promise<Error> {
    const { allocator, clock, refusals } = this.#parts;
    const { protocols } = demand.wish;
    const record = "port" in refused ? this.#table.byPort(refused.port, protocols) : undefined;
    const candidates = allocator.candidates(protocols, MOST_CANDIDATES);
    const shortage = refused.kind === "exhausted" ? this.#surveyor.shortageOf(demand, this.#table) : undefined;
    return await refusals.explain(refused, {
      ...demand,
      lease: record && toLease(record, clock),
      candidates,
      waiting,
      shortage,
    });
  }

  get #table(): LeaseTable {
    return this.#ledger.table;
  }

  async #commit(request: GrantRequest, { added, found, answerOf }: Decision): Promise<Granted> {
    const news = added.map(({ record }) => record).values();
    const records = request.wishes.map(({ name }) =>
      (name === null ? undefined : found.get(name)?.after) ?? news.next().value!
    );
    const granted = { leases: records.map((record) => toLease(record, this.#parts.clock)), created: added.length > 0 };
    const more = answerOf === undefined ? [] : [{ kind: "answer", answer: answerOf(granted) } as const];
    await this.#ledger.commit({ added, changed: [...found.values()], more });
    return granted;
  }

  /**
   * How the request changes the live leases that it names, by name.
   *
   * @throws {PortdError} `name_taken` when they are another holder's, or their ports are not what is asked for;
   * `scope_required`.
   */
  #changesOfLive(request: GrantRequest, process: Process | undefined): Map<string, LeaseChange> {
    const { wishes, contiguous } = request;
    const found = new Map<string, LeaseChange>();
    for (const [place, wish] of wishes.entries()) {
      const before = wish.name === null ? undefined : this.#table.byName(wish.name);
      if (before === undefined) continue;
      checkSameHolder(before, request, this.#parts.processes);
      checkLivePort(before, wish, { place: contiguous ? place : 0, isOfOs: this.#isOfOs(before.port) });
      found.set(wish.name!, this.#changeOf(before, wish, { request, process }));
    }
    if (contiguous) checkLiveBlock(wishes.map(({ name }) => name === null ? undefined : found.get(name)?.before));
    return found;
  }

  /** How a wish changes the live lease of its name. */
  #changeOf(before: LeaseRecord, wish: Wish, { request, process }: Asked): LeaseChange {
    const { allocator, clock } = this.#parts;
    const holder = process === undefined ? before.holder : holderOf(request, process);
    const lifetime = lifetimeAfter(before.lifetime, request.lifetime);
    checkExposedChange(before, { holder, lifetime }, request.mayExpose);
    requireProcess(lifetime, holder);
    const { exposure = before.exposure, labels = before.labels } = request;
    const hold = (wish.hold ?? before.hold) === before.hold ? before.hold : allocator.possibleHold(before, wish.hold!);
    const isChanged = exposure !== before.exposure || hold !== before.hold || !isSameLabels(labels, before.labels) ||
      !isSameLifetime(lifetime, before.lifetime);
    const times = renewal({ ...before, lifetime }, clock);
    const after = changed(before, { holder, lifetime, exposure, labels, hold, ...times });
    return { before, after, event: isChanged ? "lease.changed" : "lease.renewed" };
  }

  /** Whether the OS can have chosen the port: the pool has none of its ephemeral ports, unless it was set up so. */
  #isOfOs(port: number): boolean {
    const { allocator, isEphemeral } = this.#parts;
    return isEphemeral(port) || !allocator.isPooled(port);
  }

  #allocateAll(wishes: readonly Wish[], contiguous: boolean): AllAllocated {
    const { allocator, clock } = this.#parts;
    const [first] = wishes;
    if (first === undefined) return { allocated: [] };
    if (wishes.length > 1 && !allocator.canBeEnough(wishes)) return { refused: { kind: "exhausted" }, wish: first };
    const now = clock.monotonic();
    if (contiguous) {
      const allocation = allocator.allocateBlock(first, wishes.length, now);
      return "refused" in allocation ? { ...allocation, wish: first } : allocation;
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

  /** Waiting helps when the pool is exhausted, unless it could never be enough. Any other refusal is an error. */
  #refused({ refused, wish }: RefusedWish, request: GrantRequest, wishes: readonly Wish[]): Attempt<Granted> {
    const demand = demandOf(wish, request, wishes);
    const isExhausted = refused.kind === "exhausted" && !isHopeless(demand, this.#parts.refusals.privilegedBelow);
    if (isExhausted || refused.kind === "no_descriptors") {
      return { refused: (waiting) => this.refusal(refused, demand, waiting) };
    }
    return { granted: this.refusal(refused, demand).then((error) => Promise.reject(error)) };
  }

  #lifetimeOf({ lifetime }: GrantRequest) {
    return lifetime ?? this.#parts.defaultLifetime;
  }

  #record(
    request: GrantRequest,
    name: string | null,
    { port, protocols, hold }: Allocated,
    process: Process | undefined,
  ): LeaseRecord {
    const { clock, processes } = this.#parts;
    const lifetime = this.#lifetimeOf(request);
    return {
      id: this.#newId(clock.now()),
      version: 0,
      name,
      project: request.project,
      port,
      protocols,
      hold,
      state: "granted",
      holder: holderOf(request, process),
      lifetime,
      labels: request.labels ?? {},
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
}

function isSameLabels(one: Lease["labels"], other: Lease["labels"]): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

/** A request with the process that it names. */
interface Asked {
  readonly request: GrantRequest;
  readonly process: Process | undefined;
}

/** What to write for a request. */
interface Decision {
  readonly added: readonly NewLease[];
  /** By name. */
  readonly found: ReadonlyMap<string, LeaseChange>;
  readonly answerOf: AnswerOf | undefined;
}

/** The result of all wishes of a request. */
type AllAllocated = { readonly allocated: readonly Allocated[] } | RefusedWish;

interface RefusedWish {
  readonly refused: Refused;
  readonly wish: Wish;
}
