/**
 * The loop that makes the router's mappings equal to those that live exposures want: at every change, at the start, when
 * mappings are to be renewed, and when the router or our address has changed. One pass runs at a time. It sends the
 * router one request at a time, and after each answer plan.ts computes the next step again. steps.ts does the step.
 */
import type { Clock } from "../clock.ts";
import { messageOf, PortdError } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import { Checks } from "./checks.ts";
import { FailureReports } from "./failure_reports.ts";
import { FAMILIES, type Family } from "./gateway.ts";
import type { GatewayStatus, MappingEvent, WantedMapping } from "./mapping.ts";
import { MappingTable } from "./mapping_table.ts";
import { NetworkWatch, type NetworkWatchParts } from "./network_watch.ts";
import { type KnownLine, nextAt, nextStep, type Trial, type View } from "./plan.ts";
import { presentAll } from "./present.ts";
import { type MappingFile, wishKey } from "./record.ts";
import { pauseOf, Side, type SideParts } from "./side.ts";
import { Steps } from "./steps.ts";

/** What a {@linkcode Mapper} is made of. */
export interface MapperParts extends Pick<SideParts, "open" | "protocols">, Pick<NetworkWatchParts, "readNetwork"> {
  /** The mappings that are wanted at this moment. */
  readonly wanted: () => readonly WantedMapping[];
  readonly file: MappingFile;
  /** What is known of the line; `undefined` where nothing is. */
  readonly line: () => KnownLine | undefined;
  readonly clock: Clock;
  readonly publish: (event: MappingEvent) => void;
  readonly log: WriteLine;
  /** 24 random hexadecimal digits. @default those of the system */
  readonly newNonce?: () => string;
}

/** How often a router is asked whether it has kept its table, in milliseconds. */
const CHECK_MS = 60_000;
/** After so many steps in a row there is a pause: a router is a small machine. */
const STEPS_IN_A_ROW = 16, PAUSE_MS = 50;
/** How long a sync that is waited for may take, and a stop. */
const SYNC_MS = 30_000, STOP_WAIT_MS = 1000;
/** A timer is never shorter. */
const SHORTEST_TIMER_MS = 100;
/** How many sentences a status has. */
const MOST_FAULTS = 20;

/** Keeps the router's mappings equal to the wanted ones. */
export class Mapper {
  readonly #parts: MapperParts;
  readonly #table: MappingTable;
  readonly #sides: Readonly<Record<Family, Side>>;
  readonly #network: NetworkWatch;
  readonly #steps: Steps;
  readonly #checks: Checks;
  readonly #failureReports: FailureReports;
  readonly #trials = new Map<string, Trial>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #isAsked = false;
  /** Whether the router is looked for although no mapping is wanted. */
  #isCurious = false;
  /** Passes in a row that ended with an error of our own. */
  #failures = 0;
  #notBefore = -Infinity;
  #stopTimer = () => {};

  /** Reads the file. */
  constructor(parts: MapperParts) {
    this.#parts = parts;
    const { clock, file, log } = parts;
    const onFault = (error: unknown) => {
      // The store logs why it cannot write.
      if (!(error instanceof PortdError)) log(`mappings: ${messageOf(error)}`, "warning");
    };
    this.#table = new MappingTable({ file, clock, onFault });
    const { signal } = this.#stopping;
    const [ipv4, ipv6] = FAMILIES.map((family) => new Side(family, { ...parts, signal })) as [Side, Side];
    this.#sides = { ipv4, ipv6 };
    this.#network = new NetworkWatch({ ...parts, sides: this.#sides });
    const shared = { ...parts, signal, table: this.#table, trials: this.#trials, view: () => this.#view() };
    this.#steps = new Steps({ ...shared, sides: this.#sides, picture: () => this.#picture() });
    this.#checks = new Checks({ ...shared, steps: this.#steps });
    this.#failureReports = new FailureReports(parts.publish);
  }

  /** The router of IPv4 and its outer address, which is undefined where that is not known; null where no router is known. */
  get router(): { readonly address: string; readonly externalAddress: string | null | undefined } | null {
    const { gateway, external } = this.#sides.ipv4;
    return gateway === null ? null : { address: gateway.address, externalAddress: external };
  }

  /** How the mappings stand. Asks the router nothing. */
  status(): GatewayStatus {
    const mappings = presentAll(this.#picture());
    const { ipv4, ipv6 } = this.#sides;
    const asked = FAMILIES.filter((family) => this.#isNeeded(family) || this.#sides[family].hasRouter);
    const reasons = [
      this.#network.fault,
      ...asked.map((family) => this.#sides[family].obstacle),
      ...mappings.map(({ state, reason }) => state === "set" ? null : reason),
    ];
    const faults = [...new Set(reasons.filter((reason) => reason !== null))];
    return { ipv4: ipv4.status, ipv6: ipv6.status, mappings, faults: faults.slice(0, MOST_FAULTS) };
  }

  /** Asks for a pass, and does not wait for it. Failures are published as events and tried again. */
  request(): void {
    void this.#start();
  }

  /**
   * Looks for the router, makes the mappings those that are wanted, without the pauses after failures, and asks the router
   * whether it has kept them. Waits half a minute at most.
   *
   * @returns how they then stand.
   */
  async sync(): Promise<GatewayStatus> {
    this.#hurry();
    this.#isCurious = true;
    await this.#wait(this.#start(), SYNC_MS);
    return this.status();
  }

  /** Ends the loop; the mappings stay, and the next run renews them. */
  async close(): Promise<void> {
    this.#stopTimer();
    this.#stopping.abort(new DOMException("portd stops", "AbortError"));
    if (this.#running !== undefined) await this.#wait(this.#running, STOP_WAIT_MS);
    for (const family of FAMILIES) this.#sides[family].close();
  }

  async #wait(work: Promise<void>, ms: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const stop = this.#parts.clock.after(ms, late.resolve);
    await Promise.race([work, late.promise]);
    stop();
  }

  #start(): Promise<void> {
    this.#isAsked = true;
    if (this.#stopping.signal.aborted) return Promise.resolve();
    return this.#running ??= this.#run();
  }

  /** It ends in the very turn in which it finds that nothing more is asked: a request after that starts the next one. */
  async #run(): Promise<void> {
    this.#stopTimer();
    try {
      while (this.#isAsked) {
        this.#isAsked = false;
        await this.#pass();
      }
      this.#failures = 0;
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#parts.log(`mappings: ${messageOf(error)}`, "warning");
      this.#isAsked = false;
      this.#notBefore = this.#parts.clock.monotonic() + pauseOf(++this.#failures);
    } finally {
      this.#running = undefined;
      this.#setTimer();
    }
  }

  async #pass(): Promise<void> {
    const isCurious = this.#isCurious;
    this.#isCurious = false;
    this.#prune();
    if (!this.#hasWork() && !isCurious) return this.#rest();
    if (this.#network.hasJumped()) this.#wake();
    if (this.#parts.protocols.length > 0) await this.#network.look();
    const isNeeded = (family: Family) => this.#isNeeded(family) || (isCurious && family === "ipv4");
    for (const family of FAMILIES.filter(isNeeded)) await this.#sides[family].open(this.#knownProtocol(family));
    for (const family of FAMILIES) {
      const side = this.#sides[family], wasKnown = side.gateway !== null;
      await this.#check(side);
      // Somebody waits for this pass, and the router may be another one, or speak another protocol since.
      if (!isCurious || !wasKnown || side.gateway !== null || !isNeeded(family)) continue;
      await side.searchAgain();
      await this.#check(side);
    }
    for (let count = 1;; count++) {
      this.#stopping.signal.throwIfAborted();
      const step = nextStep(this.#view());
      if (step === undefined) break;
      await this.#steps.take(step);
      if (count % STEPS_IN_A_ROW === 0) await this.#wait(Promise.withResolvers<void>().promise, PAUSE_MS);
    }
    this.#failureReports.report(this.#picture());
  }

  #hasWork(): boolean {
    return this.#table.size > 0 || this.#parts.wanted().length > 0;
  }

  #isNeeded(family: Family): boolean {
    if (this.#parts.wanted().some((wish) => wish.family === family)) return true;
    const { route } = this.#sides[family];
    // From another address than its own only UPnP deletes a mapping.
    return this.#table.all().some(({ record: { family: its, internal, gateway } }) =>
      its === family && (route === undefined || gateway.protocol === "upnp" || internal.address === route?.address)
    );
  }

  /** Nothing is wanted, and nothing is left: the router is not asked any more. */
  #rest(): void {
    for (const family of FAMILIES) this.#sides[family].reset();
    this.#network.hurry();
  }

  /** The machine was suspended, or its clock was set: all may be different. */
  #wake(): void {
    const now = this.#parts.clock.monotonic();
    for (const family of FAMILIES) this.#sides[family].reset();
    for (const entry of this.#table.all()) this.#table.touch({ ...entry, renewAt: now });
    this.#hurry();
  }

  /** Nothing waits for the end of a pause. */
  #hurry(): void {
    this.#network.hurry();
    for (const family of FAMILIES) this.#sides[family].hurry();
    for (const [key, trial] of this.#trials) this.#trials.set(key, { ...trial, failures: 0, notBefore: -Infinity });
  }

  /** In which protocol there are mappings at the router of this family. */
  #knownProtocol(family: Family) {
    const { route } = this.#sides[family];
    const known = this.#table.all().find(({ record }) =>
      record.family === family && record.internal.address === route?.address
    );
    return known?.record.gateway.protocol;
  }

  async #check(side: Side): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (side.gateway === null || now < side.checkAt) return;
    side.checkAt = now + CHECK_MS;
    await this.#checks.check(side);
  }

  #view(): View {
    const wanted = new Map(this.#parts.wanted().map((wish) => [wishKey(wish), wish]));
    return {
      now: this.#parts.clock.monotonic(),
      wanted,
      entries: this.#table.all(),
      trials: this.#trials,
      side: (family) => this.#sides[family],
      line: this.#parts.line(),
    };
  }

  #picture() {
    return { ...this.#view(), external: this.#sides.ipv4.external };
  }

  /** What failed of mappings that nobody wants any more is forgotten. */
  #prune(): void {
    const { wanted } = this.#view();
    for (const key of this.#trials.keys()) {
      if (!wanted.has(key) && this.#table.get(key) === undefined) this.#trials.delete(key);
    }
    this.#failureReports.prune({ wanted });
  }

  #setTimer(): void {
    if (this.#stopping.signal.aborted || !this.#hasWork()) return;
    const { clock, protocols } = this.#parts, view = this.#view();
    const sides = FAMILIES.filter((family) => this.#isNeeded(family)).map((family) => this.#sides[family]);
    const next = Math.min(
      nextAt(view),
      ...(protocols.length === 0 ? [] : [this.#network.dueAt]),
      ...sides.map(({ gateway, searchAt, checkAt }) => gateway === null ? searchAt : checkAt),
    );
    const at = Math.max(next, this.#notBefore);
    if (at === Infinity) return;
    this.#stopTimer = clock.after(Math.max(at - clock.monotonic(), SHORTEST_TIMER_MS), () => this.request());
  }
}
