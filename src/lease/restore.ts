/** Taking up the leases that the daemon before has left. */
import type { Clock } from "../clock.ts";
import type { Processes } from "../process/process.ts";
import type { LeaseRecord } from "../store/record.ts";
import { type Change, type Store, type StoredLease, WriteError } from "../store/store.ts";
import type { Allocator } from "./allocator.ts";
import type { Registry } from "./registry.ts";

/** What {@linkcode restoreLeases} works on. */
export interface RestoreParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly allocator: Allocator;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly cooldownMs: number;
}

/** What became of the leases. */
export interface Restored {
  readonly live: number;
  /** Leases that were void because the machine has started anew. */
  readonly voided: number;
  /** Holds that could not be taken again; mostly because the holder listens. */
  readonly withoutHold: number;
}

/** Adopts the live leases, takes their holds again, voids what a reboot has ended, and goes on with the cool-downs. */
export async function restoreLeases(parts: RestoreParts): Promise<Restored> {
  const { store, registry, allocator, processes, clock, cooldownMs } = parts;
  const voided: { readonly kind: "end"; readonly record: LeaseRecord }[] = [];
  let live = 0, withoutHold = 0;
  for (const stored of store.liveLeases()) {
    const record = stored.bootId === processes.bootId ? withoutEnd(stored) : carryOver(stored, parts);
    if (record === undefined) {
      const ended = {
        ...withoutEnd(stored),
        state: "expired",
        endedAt: clock.now(),
        bootId: processes.bootId,
      } as const;
      voided.push({ kind: "end", record: ended });
      continue;
    }
    registry.adopt(record);
    live++;
    if (!allocator.restore(record.port, record.protocols, record.hold) && record.hold === "soft") withoutHold++;
  }
  const now = clock.monotonic();
  for (const { port, protocols, name, endedAt } of store.endedSince(clock.now() - cooldownMs)) {
    if (registry.table.byPort(port, protocols) !== undefined) continue;
    // Where the wall clock was ahead when the lease ended, the time since then is not known: not before now.
    allocator.cool(port, protocols, Math.min(now, now - (clock.now() - endedAt!)), name);
  }
  if (voided.length > 0 && !await isWritten(store, voided)) {
    for (const { record } of voided) {
      // They are live in the file for as long as it cannot be written: they keep their ports, and end when it can be.
      registry.adopt({ ...record, state: "idle", endedAt: null, deadline: clock.monotonic() });
      allocator.restore(record.port, record.protocols, record.hold);
    }
  }
  return { live, voided: voided.length, withoutHold };
}

/** @returns false where the disk is full or fails; the store logs why. */
async function isWritten(store: Store, changes: readonly Change[]): Promise<boolean> {
  try {
    await store.write(changes);
    return true;
  } catch (error) {
    if (error instanceof WriteError) return error.isCommitted;
    throw error;
  }
}

function withoutEnd({ expiresAt: _, ...record }: StoredLease): LeaseRecord {
  return record;
}

/** A lease of an earlier boot: its time is reckoned by the wall clock, its process cannot run any more. */
function carryOver(stored: StoredLease, { clock, processes }: RestoreParts): LeaseRecord | undefined {
  const { expiresAt, ...record } = stored;
  if (record.lifetime.kind === "listener" || record.lifetime.kind === "process") return undefined;
  const deadline = expiresAt === null ? null : clock.monotonic() + expiresAt - clock.now();
  return { ...record, deadline, bootId: processes.bootId };
}
