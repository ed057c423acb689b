/** How many leases were granted and ended, and how many requests were refused, in each minute of the last hour. */
import { type Clock, isoInstant } from "../clock.ts";
import { type ErrorCode, PortdError } from "../errors.ts";
import type { DomainEvent, LeaseEventType } from "./events.ts";

/** What is counted. */
export const ACTIVITIES = ["grants", "releases", "refusals"] as const;

/** One of them; `releases` are all ends of leases. */
export type ActivityKind = (typeof ACTIVITIES)[number];

/** Answer of `GET /activity`. Each list has the last hour's minutes, or those since the start; the last one still runs. */
export interface Activity extends Readonly<Record<ActivityKind, readonly number[]>> {
  /** ISO instant at which the daemon began to count. */
  readonly since: string;
  /** ISO instant of the answer, at which the last minute ends so far. */
  readonly until: string;
  /** How long a minute is. */
  readonly bucketMs: number;
}

/** What the events of leases are counted as. */
const OF_EVENT: { readonly [Type in LeaseEventType]?: ActivityKind } = {
  "lease.granted": "grants",
  "lease.released": "releases",
  "lease.revoked": "releases",
  "lease.expired": "releases",
};

/** How many minutes are kept. */
const KEPT_MINUTES = 60;
const MINUTE_MS = 60_000;

/** Counts. Takes a few kilobytes at most, however much happens. */
export class ActivityCounter {
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  /** Minutes are counted from here, on the clock since boot: setting the wall clock moves none. */
  readonly #startedAt: number;
  readonly #since: string;
  readonly #counts = Object.fromEntries(
    ACTIVITIES.map((kind) => [kind, new Uint32Array(KEPT_MINUTES)]),
  ) as Readonly<Record<ActivityKind, Uint32Array>>;
  readonly #refusals = new Map<ErrorCode, number>();
  #minute = 0;

  constructor(clock: Pick<Clock, "now" | "monotonic">) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#since = isoInstant(clock.now());
  }

  /** Counts an event, where it is a grant or the end of a lease. */
  happened({ type }: Pick<DomainEvent, "type">): void {
    const kind = OF_EVENT[type as LeaseEventType];
    if (kind !== undefined) this.#count(kind);
  }

  /** Counts the error of a request for ports, where it is a refusal: the end of a caller is none. */
  refused(error: unknown): void {
    if (!(error instanceof PortdError)) return;
    this.#count("refusals");
    this.#refusals.set(error.code, (this.#refusals.get(error.code) ?? 0) + 1);
  }

  /** How many requests were refused with each code since the start. */
  get refusals(): ReadonlyMap<ErrorCode, number> {
    return this.#refusals;
  }

  #count(kind: ActivityKind): void {
    this.#advance();
    this.#counts[kind][this.#minute % KEPT_MINUTES]!++;
  }

  /** The minutes so far, the oldest first. */
  read(): Activity {
    this.#advance();
    const first = Math.max(0, this.#minute - KEPT_MINUTES + 1);
    const minutes = Array.from({ length: this.#minute - first + 1 }, (_, i) => (first + i) % KEPT_MINUTES);
    const read = (kind: ActivityKind) => minutes.map((place) => this.#counts[kind][place]!);
    return {
      since: this.#since,
      until: isoInstant(this.#clock.now()),
      bucketMs: MINUTE_MS,
      grants: read("grants"),
      releases: read("releases"),
      refusals: read("refusals"),
    };
  }

  /** Empties the minutes that have begun since the last call. */
  #advance(): void {
    const minute = Math.floor((this.#clock.monotonic() - this.#startedAt) / MINUTE_MS);
    for (let next = Math.max(this.#minute, minute - KEPT_MINUTES) + 1; next <= minute; next++) {
      for (const kind of ACTIVITIES) this.#counts[kind][next % KEPT_MINUTES] = 0;
    }
    this.#minute = Math.max(this.#minute, minute);
  }
}
