/** Takes the steps that plan.ts decides: writes the file, then asks the router, then writes what it has answered. */
import type { Clock } from "../clock.ts";
import { messageOf, PortdError } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import { askingEntry, type Entry, grantedEntry, leavingEntry, newEntry, requestOf } from "./entry.ts";
import { type Family, type Gateway, GatewayError, type GatewayFault, type MappingGrant } from "./gateway.ts";
import type { Mapping, MappingEvent, MappingEventType, WantedMapping } from "./mapping.ts";
import { MappingTable, MOST_MAPPINGS } from "./mapping_table.ts";
import { newNonce } from "./nonce.ts";
import { currentOf, hasMoved, isMadeBefore, isSibling, type Step, type Trial, type View } from "./plan.ts";
import { type Picture, present, presentLeaving } from "./present.ts";
import { type MappingRecord, wishKey } from "./record.ts";
import { pauseOf, type Side } from "./side.ts";

/** What {@linkcode Steps} are made of. */
export interface StepsParts {
  readonly table: MappingTable;
  readonly sides: Readonly<Record<Family, Side>>;
  /** By {@linkcode wishKey}, and of mappings that leave by their nonce. */
  readonly trials: Map<string, Trial>;
  readonly view: () => View;
  readonly picture: () => Picture;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly publish: (event: MappingEvent) => void;
  readonly log: WriteLine;
  readonly newNonce?: () => string;
}

/** After these the router may have the mapping all the same. */
const UNCERTAIN: ReadonlySet<GatewayFault> = new Set(["silent", "failed"]);

/** How many external ports that are others' are remembered for a mapping. */
const MOST_TAKEN = 64;

/** The external ports that are others', with one more. */
export function withTaken(trial: Trial | undefined, port: number): readonly number[] {
  return [...trial?.taken ?? [], port].slice(-MOST_TAKEN);
}

/** One step at a time. Failures of the router and of the file are kept in the trials. */
export class Steps {
  readonly #parts: StepsParts;

  constructor(parts: StepsParts) {
    this.#parts = parts;
  }

  /** Takes a step. After it the plan is another one. @throws the signal's reason. */
  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "retire":
        return this.#retire(step.entries);
      case "adopt":
        return this.#adopt(step.entry, step.wish);
      case "forget":
        return await this.guard(step.entry.record.nonce, step.entry, () => this.#forget(step.entry));
      case "unmap":
        return await this.guard(step.entry.record.nonce, step.entry, () => this.#unmap(step.entry));
      case "renew":
        return await this.guard(wishKey(step.wish), step.entry, () => this.#renew(step.entry, step.wish));
      case "make":
        return await this.guard(wishKey(step.wish), undefined, () => this.#make(step.wish, step.port));
    }
  }

  /** Does something, and keeps what fails of it, with a pause before the next try. @throws the signal's reason. */
  async guard(key: string, entry: Entry | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#parts.signal.throwIfAborted();
      if (error instanceof GatewayError) {
        if (error.fault === "silent") this.#sideOf(key, entry)?.fail(error);
      } else if (!(error instanceof PortdError)) this.#parts.log(`mappings: ${messageOf(error)}`, "warning");
      this.#failed(key, error as Error);
    }
  }

  #sideOf(key: string, entry: Entry | undefined): Side | undefined {
    const family = entry?.record.family ?? this.#parts.view().wanted.get(key)?.family;
    return family && this.#parts.sides[family];
  }

  #failed(key: string, error: Error): void {
    const { trials, clock } = this.#parts;
    const before = trials.get(key), failures = (before?.failures ?? 0) + 1;
    const isSilent = error instanceof GatewayError && error.fault === "silent";
    // A router that is silent has a pause of its own.
    const pauseMs = isSilent ? 0 : pauseOf(failures, error instanceof GatewayError ? error : undefined);
    const notBefore = clock.monotonic() + pauseMs;
    trials.set(key, { failures, notBefore, reason: error.message, taken: before?.taken ?? [] });
  }

  #publish(type: MappingEventType, mapping: Mapping): void {
    this.#parts.publish({ type, mapping });
  }

  #retire(entries: readonly Entry[]): void {
    const { table, clock, view } = this.#parts, plan = view();
    for (const entry of entries) {
      if (plan.wanted.has(wishKey(entry.record)) && hasMoved(plan, entry.record)) this.lost(entry);
    }
    table.replace(entries.map((entry) => leavingEntry(entry, clock)));
  }

  /** The record is the same to the router; it is written with the renewal that follows at once. */
  #adopt(entry: Entry, { leaseId, lease, wantedPort }: WantedMapping): void {
    const record = { ...entry.record, leaseId, lease, wantedPort, leavingAt: null };
    const keptUntil = record.endsAt === null ? Infinity : entry.keptUntil;
    this.#parts.trials.delete(record.nonce);
    this.#parts.table.replace([{ ...entry, record, keptUntil, renewAt: this.#parts.clock.monotonic() }]);
  }

  async #forget(entry: Entry): Promise<void> {
    const { record } = entry;
    await this.#remove(entry);
    if (record.endsAt !== null) return;
    const port = `${record.external?.port ?? record.askedPort}/${record.protocol}`;
    this.#parts.log(
      `gave up deleting the mapping of port ${port} at the router ${record.gateway.address}: it may still be there`,
    );
  }

  async #unmap(entry: Entry): Promise<void> {
    const { table, clock } = this.#parts, { record } = entry, gateway = this.#gatewayOf(record);
    await gateway.unmap(requestOf(record), record.external?.port ?? record.askedPort, this.#parts.signal);
    await this.#remove(entry);
    for (const sibling of currentOf(this.#parts.view()).values()) {
      if (isSibling(sibling.record, record)) table.touch({ ...sibling, renewAt: clock.monotonic() });
    }
  }

  async #remove(entry: Entry): Promise<void> {
    const { table, trials, view } = this.#parts;
    const mapping = presentLeaving(view(), entry);
    await table.remove(entry);
    trials.delete(entry.record.nonce);
    if (entry.record.external !== null) this.#publish("mapping.removed", { ...mapping, reason: null });
  }

  async #make(wish: WantedMapping, port: number): Promise<void> {
    const { table, clock, sides, newNonce: makeNonce = newNonce } = this.#parts;
    if (table.size >= MOST_MAPPINGS) {
      throw new GatewayError("no_resources", `portd keeps ${MOST_MAPPINGS} mappings at most`);
    }
    const { address, protocol, localAddress } = sides[wish.family].gateway!;
    const { leaseId, lease, family, wantedPort, lifetimeMs } = wish;
    const entry = newEntry({
      leaseId,
      lease,
      family,
      protocol: wish.protocol,
      internal: { address: localAddress, port: wish.port },
      wantedPort,
      askedPort: port,
      nonce: makeNonce(),
      external: null,
      gateway: { address, protocol },
      handle: null,
      lifetimeS: Math.ceil(lifetimeMs / 1000),
      madeAt: null,
      endsAt: null,
      leavingAt: null,
    }, clock);
    await table.put(entry);
    const isWanted = this.#parts.view().wanted.has(wishKey(wish));
    if (!isWanted) return await table.remove(entry);
    table.touch({ ...entry, isUncertain: true });
    await this.#ask(entry);
  }

  async #renew(entry: Entry, { lease, wantedPort, lifetimeMs }: WantedMapping): Promise<void> {
    const part = { lease, wantedPort, lifetimeS: Math.ceil(lifetimeMs / 1000) };
    const asking = askingEntry(entry, part, this.#parts.clock);
    await this.#parts.table.put(asking);
    if (this.#parts.view().wanted.has(wishKey(entry.record))) {
      await this.#ask({ ...asking, isUncertain: entry.isUncertain });
    }
  }

  /** Asks for a mapping that is in the file. */
  async #ask(entry: Entry): Promise<void> {
    const { record } = entry;
    let grant: MappingGrant;
    try {
      grant = await this.#gatewayOf(record).map(requestOf(record), this.#parts.signal);
    } catch (error) {
      if (error instanceof GatewayError) await this.#refused(entry, error);
      throw error;
    }
    if (isOther(record, grant)) this.#giveBack(entry, grant);
    this.#granted(entry, grant);
  }

  /** A fixed port that the router has exchanged for another one is of no use. @throws {GatewayError} always. */
  #giveBack(entry: Entry, grant: MappingGrant): never {
    const { table, clock } = this.#parts;
    table.replace([leavingEntry(grantedEntry(entry, grant, clock), clock)]);
    const message = `the router gives port ${grant.external.port} in the place of ${entry.record.wantedPort}`;
    throw new GatewayError("port_taken", message);
  }

  #granted(entry: Entry, grant: MappingGrant): void {
    const { table, trials, clock, picture } = this.#parts;
    const after = grantedEntry(entry, grant, clock);
    table.replace([after]);
    const key = wishKey(after.record);
    trials.delete(key);
    this.#renewSibling(after);
    const wish = picture().wanted.get(key);
    if (wish === undefined) return;
    const isNew = entry.record.external === null || entry.isLost;
    this.#publish(isNew ? "mapping.made" : "mapping.renewed", present(picture(), key, wish, after));
  }

  /** The other protocol of the same port is renewed along with it, if it is due soon or was made later: see {@linkcode isMadeBefore}. */
  #renewSibling(entry: Entry): void {
    const { table, clock, view } = this.#parts, now = clock.monotonic();
    for (const sibling of currentOf(view()).values()) {
      if (!isSibling(sibling.record, entry.record)) continue;
      const isSoon = sibling.renewAt < now + (entry.renewAt - now) / 2;
      const isMade = sibling.record.external !== null && isMadeBefore(entry, sibling);
      if (isSoon || isMade) table.touch({ ...sibling, renewAt: Math.min(sibling.renewAt, now) });
    }
  }

  /** What the router refuses is not there, unless it was there before or was asked for without an answer. */
  async #refused(entry: Entry, error: GatewayError): Promise<void> {
    const { table, trials } = this.#parts, { record } = entry, key = wishKey(record);
    if (error.fault === "port_taken") {
      const before = trials.get(key);
      const taken = withTaken(before, record.external?.port ?? record.askedPort);
      trials.set(key, { failures: 0, notBefore: 0, reason: error.message, ...before, taken });
      if (record.external !== null) this.lost(entry);
    } else if (UNCERTAIN.has(error.fault) || record.external !== null || entry.isUncertain) return;
    await table.remove(entry);
  }

  /** Publishes that the router has lost a mapping, or this host the address of it; once. */
  lost(entry: Entry): void {
    const { record } = entry;
    if (record.external === null || entry.isLost) return;
    const { wanted, trials, now, side, line, external } = this.#parts.picture();
    const wish = wanted.get(wishKey(record));
    if (wish === undefined) return;
    const lost = { ...entry, isLost: true };
    const mapping = present({ wanted, trials, now, side, line, external, entries: [] }, wishKey(record), wish, lost);
    this.#publish("mapping.lost", { ...mapping, external: record.external });
  }

  #gatewayOf({ family }: MappingRecord): Gateway {
    return this.#parts.sides[family].gateway!;
  }
}

function isOther({ family, wantedPort }: MappingRecord, { external }: MappingGrant): boolean {
  return family === "ipv4" && wantedPort !== null && external.port !== wantedPort;
}
