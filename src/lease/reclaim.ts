/** Decides when a lease changes its state and when it ends. Pure. */
import type { Clock } from "../clock.ts";
import type { LeaseEventType } from "./events.ts";
import type { LeaseListener, LiveState } from "./lease.ts";
import type { LeaseRecord } from "./record.ts";

/** What one look of the watch says of a lease. */
export interface Observation {
  /** Who listens on the port. */
  readonly listener: "holder" | "stranger" | "both" | "nobody";
  /** Whether the holder's process runs; true where none is known. */
  readonly isProcessAlive: boolean;
}

/** What the lease is after the observation. */
export interface Outcome {
  readonly state: LiveState;
  readonly deadline: number | null;
  readonly claimed: boolean;
}

/**
 * What an observation changes in a live lease.
 *
 * @param now is the clock since boot.
 * @returns `"expired"` when its time is up.
 */
export function reclaim(record: LeaseRecord, observation: Observation, now: number): Outcome | "expired" {
  const claimed = record.claimed || isHolderThere(observation);
  const state = stateOf(observation, claimed);
  const deadline = deadlineOf(record, observation, now);
  return deadline !== null && now >= deadline ? "expired" : { state, deadline, claimed };
}

/** Whether an outcome, with what is known of the listener, differs from the lease as it is. */
export function hasChanged(before: LeaseRecord, after: Outcome, listener: LeaseListener | null): boolean {
  return before.state !== after.state || before.deadline !== after.deadline || before.claimed !== after.claimed ||
    before.listener !== listener;
}

/** The event with which a lease becomes the outcome. */
export function eventOf(before: LeaseRecord, after: Outcome): LeaseEventType {
  if (before.state === after.state || after.state === "granted") return "lease.changed";
  return `lease.${after.state}`;
}

function stateOf({ listener }: Observation, claimed: boolean): LiveState {
  if (listener === "holder") return "listening";
  if (listener === "stranger" || listener === "both") return "conflict";
  return claimed ? "idle" : "granted";
}

function isHolderThere({ listener }: Observation): boolean {
  return listener === "holder" || listener === "both";
}

function deadlineOf(record: LeaseRecord, observation: Observation, now: number): number | null {
  const { lifetime } = record;
  switch (lifetime.kind) {
    case "listener":
      if (isHolderThere(observation)) return null;
      return record.deadline ?? now + lifetime.graceMs; // the grace begins when the listener is first missed
    case "process":
      // A server that the process started may go on listening without it.
      if (isHolderThere(observation)) return null;
      // A process that has ended stays so; when the lease gets another one, its deadline is removed.
      return record.deadline ?? (observation.isProcessAlive ? null : now + lifetime.graceMs);
    default:
      return record.deadline;
  }
}

/** When a lease ends that is granted or renewed now, on the clock since boot. */
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
  const keeps = record.lifetime.kind === "listener" && isUsed; // time counts only while nobody listens
  const deadline = keeps ? record.deadline : firstDeadline(record, clock.monotonic());
  return { renewedAt: clock.now(), deadline };
}
