/** When a lease changes its state and when it is over. Pure. */
import type { Clock } from "../clock.ts";
import type { LiveState } from "./lease.ts";
import type { LeaseRecord } from "./record.ts";

/** What the watch saw of a lease. */
export interface Sighting {
  /** Who listens on the port. */
  readonly listener: "holder" | "stranger" | "both" | "nobody";
  /** Whether the holder's process runs; true also where none is known. */
  readonly isProcessAlive: boolean;
}

/** What follows for the lease. */
export interface Outcome {
  readonly state: LiveState;
  readonly deadline: number | null;
  readonly claimed: boolean;
}

/**
 * Carries a live lease on.
 *
 * @param now is the clock since boot.
 * @returns `"expired"` when its time is up.
 */
export function reclaim(record: LeaseRecord, sighting: Sighting, now: number): Outcome | "expired" {
  const claimed = record.claimed || isHolderThere(sighting);
  const state = stateOf(sighting, claimed);
  const deadline = deadlineOf(record, sighting, now);
  return deadline !== null && now >= deadline ? "expired" : { state, deadline, claimed };
}

function stateOf({ listener }: Sighting, claimed: boolean): LiveState {
  if (listener === "holder") return "listening";
  if (listener === "stranger" || listener === "both") return "conflict";
  return claimed ? "idle" : "granted";
}

function isHolderThere({ listener }: Sighting): boolean {
  return listener === "holder" || listener === "both";
}

function deadlineOf(record: LeaseRecord, sighting: Sighting, now: number): number | null {
  const { lifetime } = record;
  switch (lifetime.kind) {
    case "listener":
      if (isHolderThere(sighting)) return null;
      return record.deadline ?? now + lifetime.graceMs; // the grace begins when the listener is first missed
    case "process":
      // Whoever was started by the process may go on listening without it.
      if (isHolderThere(sighting)) return null;
      // Once the process is gone it stays gone; a lease that follows another one is given no deadline.
      return record.deadline ?? (sighting.isProcessAlive ? null : now + lifetime.graceMs);
    default:
      return record.deadline;
  }
}

/** The end of a lease that is granted or renewed now, on the clock since boot. */
export function firstDeadline(
  { lifetime, claimed }: Pick<LeaseRecord, "lifetime" | "claimed">,
  now: number,
): number | null {
  if (lifetime.kind === "listener") return now + (claimed ? lifetime.graceMs : lifetime.claimMs);
  return lifetime.kind === "ttl" ? now + lifetime.ttlMs : null;
}

/** The times of a lease that is renewed now. */
export function renewal(record: LeaseRecord, clock: Clock): Pick<LeaseRecord, "renewedAt" | "deadline"> {
  const isUsed = record.state === "listening" || record.state === "conflict";
  const keeps = record.lifetime.kind === "listener" && isUsed; // its time runs only while nobody listens
  const deadline = keeps ? record.deadline : firstDeadline(record, clock.monotonic());
  return { renewedAt: clock.now(), deadline };
}
