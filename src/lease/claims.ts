/**
 * Which processes and folders the live leases name, so that whoever asks whose a listener is need not go through all
 * leases. Decides nothing.
 */
import { folderKey, isAbsolute, upwardKeys } from "../process/folder.ts";
import type { Holder } from "./lease.ts";
import type { LeaseRecord } from "./record.ts";

/** An index of live leases by the processes and the folders of their holders. */
export class Claims {
  /** Pid → ids of the leases whose holder, or whose listener, is or was a process of that number. */
  readonly #byPid = new Map<number, Set<string>>();
  /** Key of a folder → how many leases are judged by it. */
  readonly #folders = new Map<string, number>();

  add(record: LeaseRecord): void {
    for (const pid of pidsOf(record)) {
      const ids = this.#byPid.get(pid);
      if (ids === undefined) this.#byPid.set(pid, new Set([record.id]));
      else ids.add(record.id);
    }
    const folder = judgingFolder(record.holder);
    if (folder !== undefined) this.#folders.set(folder, (this.#folders.get(folder) ?? 0) + 1);
  }

  remove(record: LeaseRecord): void {
    for (const pid of pidsOf(record)) {
      const ids = this.#byPid.get(pid);
      ids?.delete(record.id);
      if (ids?.size === 0) this.#byPid.delete(pid);
    }
    const folder = judgingFolder(record.holder);
    if (folder === undefined) return;
    const left = (this.#folders.get(folder) ?? 0) - 1;
    if (left > 0) this.#folders.set(folder, left);
    else this.#folders.delete(folder);
  }

  /** Puts the next form of a lease in the place of the one before. */
  replace(before: LeaseRecord, after: LeaseRecord): void {
    const isSame = before.holder === after.holder && before.listener === after.listener &&
      before.state === after.state;
    if (isSame) return;
    this.remove(before);
    this.add(after);
  }

  /** Ids of the leases that name a process of this number; whether it is that very process is the caller's to see. */
  idsOf(pid: number): Iterable<string> {
    return this.#byPid.get(pid) ?? [];
  }

  /** The key of the nearest folder, at or above this one, by which a lease without a process is judged. */
  nearestFolder(folder: string): string | undefined {
    return upwardKeys(folder).find((key) => this.#folders.has(key));
  }
}

/** The key of the folder that says whose a listener is; `undefined` where the holder has a process, or no folder. */
export function judgingFolder({ pid, cwd }: Holder): string | undefined {
  return pid === null && cwd !== null && isAbsolute(cwd) ? folderKey(cwd) : undefined;
}

const NO_PIDS: readonly number[] = [];

/** A known listener is a process like its holder's, where the holder has one; elsewhere its folder says whose it is. */
function pidsOf({ holder, listener, state }: LeaseRecord): readonly number[] {
  if (holder.pid === null) return NO_PIDS;
  const isKnown = state === "listening" && listener !== null && listener.pid !== null;
  return isKnown ? [holder.pid, listener.pid] : [holder.pid];
}
