/** A lease as the daemon keeps it in memory and in the file, and its form for clients. */
import { type Clock, isoInstant } from "../clock.ts";
import type { Lease } from "./lease.ts";

/** A lease with the times as numbers, and what only the daemon needs to know. */
export interface LeaseRecord extends Omit<Lease, "grantedAt" | "renewedAt" | "expiresAt" | "endedAt"> {
  /** Counts up by one with each change: a change is made of the version that it was decided on, or not at all. */
  readonly version: number;
  /** The user for whom it counts (`uid:1000`) or `unknown`; null where it is not counted. */
  readonly owner: string | null;
  /** Whether the holder has ever listened. */
  readonly claimed: boolean;
  /** Wall-clock milliseconds, as are the next two. */
  readonly grantedAt: number;
  readonly renewedAt: number;
  readonly endedAt: number | null;
  /** When it ends, on the clock since boot; null when no time is set. */
  readonly deadline: number | null;
  /** The boot to which `deadline` belongs. */
  readonly bootId: string;
}

/** The next version of a lease. */
export function changed(record: LeaseRecord, changes: Partial<LeaseRecord>): LeaseRecord {
  return { ...record, ...changes, version: record.version + 1 };
}

/** A port whose lease has ended. */
export type EndedPort = Pick<LeaseRecord, "port" | "protocols" | "name" | "endedAt">;

/** The holder's own listener; null where nobody listens, or a stranger. */
export function holderListener({ state, listener }: Pick<LeaseRecord, "state" | "listener">): LeaseRecord["listener"] {
  return state === "listening" ? listener : null;
}

/** The lease for clients. `expiresAt` follows the wall clock, also when that is set. */
export function toLease(record: LeaseRecord, clock: Clock): Lease {
  const { id, name, project, port, protocols, state, holder, lifetime, hold, labels, listener, exposure } = record;
  const { grantedAt, renewedAt, endedAt, deadline } = record;
  const granted = isoInstant(grantedAt);
  const expiresAt = endedAt !== null || deadline === null ? null : clock.now() + deadline - clock.monotonic();
  return {
    id,
    name,
    project,
    port,
    protocols,
    state,
    holder,
    lifetime,
    hold,
    labels,
    exposure,
    listener,
    grantedAt: granted,
    renewedAt: renewedAt === grantedAt ? granted : isoInstant(renewedAt),
    expiresAt: expiresAt === null ? null : isoInstant(Math.round(expiresAt / 100) * 100),
    endedAt: endedAt === null ? null : isoInstant(endedAt),
  };
}
