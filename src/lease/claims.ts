/**
 * The processes and folders that live leases name, indexed: to find out whose a listener is, nobody needs to look at all
 * leases. Decides nothing.
 */
import { folderKey, isAbsolute, upwardKeys } from "../process/folder.ts";
import type { Holder } from "./lease.ts";
import type { LeaseRecord } from "./record.ts";

/** An index of live leases by the processes and the folders of their holders. */
export class Claims {
  /** Pid → ids of the leases whose holder, or whose listener, is or was a process of that number. */
  readonly #byPid = new Map<number, Set<string>>();
  /** Key of a folder → how many leases are judged by that folder. */
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

  /** Replaces a lease with its next version. */
  replace(before: LeaseRecord, after: LeaseRecord): void {
    const isSame = before.holder === after.holder && before.listener === after.listener &&
      before.state === after.state;
    if (isSame) return;
    this.remove(before);
    this.add(after);
  }

  /** Ids of the leases that name a process with this pid; the caller must check that it is the same process. */
  idsOf(pid: number): Iterable<string> {
    return this.#byPid.get(pid) ?? [];
  }

  /** The key of the nearest folder, this one or one above it, by which a lease without a process is judged. */
  nearestFolder(folder: string): string | undefined {
    return upwardKeys(folder).find((key) => this.#folders.has(key));
  }
}

/** The key of the folder that decides whose a listener is; `undefined` where the holder has a process, or no folder. */
export function judgingFolder({ pid, cwd }: Holder): string | undefined {
  return pid === null && cwd !== null && isAbsolute(cwd) ? folderKey(cwd) : undefined;
}

const NO_PIDS: readonly number[] = [];

/** Where the holder has a process, a known listener counts like it; elsewhere the folder decides. */
function pidsOf({ holder, listener, state }: LeaseRecord): readonly number[] {
  if (holder.pid === null) return NO_PIDS;
  const isKnown = state === "listening" && listener !== null && listener.pid !== null;
  return isKnown ? [holder.pid, listener.pid] : [holder.pid];
}
