/** Restores the leases of the file when the daemon starts. */
import type { Clock } from "../clock.ts";
import type { Processes } from "../process/process.ts";
import type { Allocator } from "./allocator.ts";
import type { LeaseRecord } from "./record.ts";
import type { Registry } from "./registry.ts";
import { type Store, type StoredLease, WriteError } from "./store/store.ts";

/** What {@linkcode restoreLeases} works on. */
export interface RestoreParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly allocator: Allocator;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly cooldownMs: number;
}

/** How many leases were restored. */
export interface Restored {
  readonly live: number;
  /** Leases that ended because the machine was restarted. */
  readonly voided: number;
  /** Leases whose hold could not be taken again, mostly because the holder listens. */
  readonly withoutHold: number;
}

/** A lease that a reboot has ended: as it is in the file, and as it is to be written. */
interface VoidLease {
  readonly stored: LeaseRecord;
  readonly ended: LeaseRecord;
}

/** Adopts the live leases, takes their holds again, ends those that a reboot voids, and continues the cool-downs. */
export async function restoreLeases(parts: RestoreParts): Promise<Restored> {
  const { store, registry, allocator, processes, clock, cooldownMs } = parts;
  const voided: VoidLease[] = [];
  let live = 0, withoutHold = 0;
  for (const stored of store.liveLeases()) {
    const record = stored.bootId === processes.bootId ? withoutEnd(stored) : carryOver(stored, parts);
    if (record === undefined) {
      const ended = { ...stored, state: "expired", endedAt: clock.now(), listener: null } as const;
      voided.push({ stored: withoutEnd(stored), ended });
      continue;
    }
    registry.adopt(record);
    live++;
    if (!allocator.restore(record.port, record.protocols, record.hold) && record.hold === "soft") withoutHold++;
  }
  const now = clock.monotonic();
  for (const { port, protocols, name, endedAt } of store.endedSince(clock.now() - cooldownMs)) {
    if (registry.table.byPort(port, protocols) !== undefined) continue;
    // If the wall clock was ahead when the lease ended, the time since then is unknown: count from now.
    allocator.cool(port, protocols, Math.min(now, now - (clock.now() - endedAt!)), name);
  }
  if (voided.length > 0) await endOrAdopt(voided, parts);
  return { live, voided: voided.length, withoutHold };
}

/** If the ends cannot be written, the leases keep their ports and holds until the watch can end them. */
async function endOrAdopt(voided: readonly VoidLease[], { store, registry, allocator, clock }: RestoreParts) {
  try {
    await store.write(voided.map(({ ended }) => ({ kind: "end", record: ended })));
  } catch (error) {
    if (!(error instanceof WriteError)) throw error;
    if (error.isCommitted) return;
    for (const { stored } of voided) {
      registry.adopt({ ...stored, deadline: clock.monotonic() });
      allocator.restore(stored.port, stored.protocols, stored.hold);
    }
  }
}

function withoutEnd({ expiresAt: _, ...record }: StoredLease): LeaseRecord {
  return record;
}

/** A lease of an earlier boot: its time is computed from the wall clock; its process cannot run any more. */
function carryOver(stored: StoredLease, { clock, processes }: RestoreParts): LeaseRecord | undefined {
  const { expiresAt, ...record } = stored;
  if (record.lifetime.kind === "listener" || record.lifetime.kind === "process") return undefined;
  const deadline = expiresAt === null ? null : clock.monotonic() + expiresAt - clock.now();
  return { ...record, deadline, bootId: processes.bootId };
}
