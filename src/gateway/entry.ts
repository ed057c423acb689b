/** A mapping as the mapper remembers it while it runs: what is in the file, and its times on the clock since boot. Pure. */
import type { Clock } from "../clock.ts";
import type { MappingGrant, MappingRequest } from "./gateway.ts";
import type { MappingRecord } from "./record.ts";

/** A mapping that the file remembers, with times on the clock since boot. */
export interface Entry {
  readonly record: MappingRecord;
  /** When it is asked for again. */
  readonly renewAt: number;
  /** When the router ends it by itself, as it has said; Infinity where that is not known, or never. */
  readonly endsAt: number;
  /** Until when the router may have it at the latest, also where an answer was lost; then it is forgotten. */
  readonly keptUntil: number;
  /** For how long the router has granted it, in seconds; null where that is not known, or without end. */
  readonly grantedS: number | null;
  /** Whether the router was asked, and may have it although it never answered. */
  readonly isUncertain: boolean;
  /** Whether the router has lost it. */
  readonly isLost: boolean;
}

/** The two clocks; both in milliseconds. */
export type Times = Pick<Clock, "now" | "monotonic">;

/** How long a mapping without a known end, of which the deletion fails, is tried again. */
export const PATIENCE_MS = 30 * 86_400_000;

/** A mapping is renewed no more often than this, in milliseconds, unless a shorter lifetime was asked for. */
const LEAST_RENEWAL_MS = 10_000;

/** How much time is between two renewals at least, in milliseconds. @param lifetimeS is what was asked for. */
export function leastRenewalMs(lifetimeS: number): number {
  return Math.min(LEAST_RENEWAL_MS, lifetimeS * 500);
}

/** A new mapping, which the router was not asked for yet. */
export function newEntry(record: MappingRecord, clock: Times): Entry {
  const state = { grantedS: null, isUncertain: false, isLost: false };
  return { record, renewAt: clock.monotonic(), endsAt: Infinity, keptUntil: Infinity, ...state };
}

/** A mapping that an earlier run has left: asked for again at once, with the nonce that it has. */
export function loadedEntry(record: MappingRecord, clock: Times): Entry {
  const { endsAt, leavingAt, external, lifetimeS } = record, now = clock.monotonic();
  const left = (end: number) => Math.min(Math.max(end - clock.now(), 0), PATIENCE_MS);
  const lifeMs = endsAt === null ? Infinity : left(endsAt);
  // The wall clock may have been set meanwhile: whole lifetimes are none too many.
  const keptMs = endsAt !== null
    ? Math.max(lifeMs, lifetimeS * 1000)
    : leavingAt !== null
    ? left(leavingAt + PATIENCE_MS)
    : Infinity;
  const state = { grantedS: null, isUncertain: external === null, isLost: false };
  return { record, renewAt: now, endsAt: now + lifeMs, keptUntil: now + keptMs, ...state };
}

/** A mapping that is about to be asked for again: until the answer is known, it may live that long. */
export function askingEntry(entry: Entry, part: Partial<MappingRecord>, clock: Times): Entry {
  const record = { ...entry.record, ...part };
  if (record.endsAt === null) return { ...entry, record, isUncertain: true };
  const endsAt = Math.max(record.endsAt, clock.now() + record.lifetimeS * 1000);
  const keptUntil = Math.max(entry.keptUntil, clock.monotonic() + record.lifetimeS * 1000);
  return { ...entry, record: { ...record, endsAt }, keptUntil, isUncertain: true };
}

/** A mapping that the router has granted. */
export function grantedEntry({ record }: Entry, { external, lifetimeS, handle }: MappingGrant, clock: Times): Entry {
  const lifeMs = lifetimeS === null ? Infinity : lifetimeS * 1000;
  const pauseMs = Math.max(Math.min(lifeMs, record.lifetimeS * 1000) / 2, leastRenewalMs(record.lifetimeS));
  return {
    record: {
      ...record,
      external,
      handle: handle ?? record.handle,
      madeAt: record.madeAt ?? clock.now(),
      endsAt: lifetimeS === null ? null : clock.now() + lifeMs,
    },
    renewAt: clock.monotonic() + pauseMs,
    endsAt: clock.monotonic() + lifeMs,
    keptUntil: clock.monotonic() + lifeMs,
    grantedS: lifetimeS,
    isUncertain: false,
    isLost: false,
  };
}

/** A mapping that is to be deleted. */
export function leavingEntry(entry: Entry, clock: Times): Entry {
  const record = { ...entry.record, leavingAt: clock.now() };
  return { ...entry, record, keptUntil: Math.min(entry.keptUntil, clock.monotonic() + PATIENCE_MS) };
}

/** What the router is asked. */
export function requestOf(record: MappingRecord): MappingRequest {
  const { family, protocol, internal, nonce, wantedPort, askedPort, external, lifetimeS, lease, handle } = record;
  return {
    family,
    protocol,
    internal,
    nonce,
    externalPort: external?.port ?? askedPort,
    isFixed: wantedPort !== null,
    lifetimeS,
    description: `portd ${lease}`,
    ...(handle === null ? {} : { handle }),
  };
}
