/**
 * Whose a listener is: the holder's of the lease of its port, or a stranger's. docs/architecture.md has the rules as a
 * table. Asks about processes, remembers nothing.
 */
import { judgingFolder } from "../lease/claims.ts";
import { identityOf } from "../lease/holder.ts";
import type { LeaseTable } from "../lease/lease_table.ts";
import type { LeaseRecord } from "../lease/record.ts";
import { sharersOf, type SocketRow } from "../os/socket.ts";
import { shortCommand } from "../process/command_line.ts";
import { isTelling } from "../process/folder.ts";
import { isForwarder } from "../process/forwarder.ts";
import {
  isSameProcess,
  lineageOf,
  type Process,
  type ProcessFinder,
  type ProcessIdentity,
  sharesGroup,
  wasLeftBehind,
} from "../process/process.ts";

/** Processes that share a socket and are looked at one by one; of more, the others are like those. */
const MOST_JUDGED = 256;
/** Characters of a command and of a folder in a reason. */
const COMMAND_WIDTH = 60, FOLDER_WIDTH = 200;

/** Whose a listener is. */
export interface Ownership {
  readonly isHolders: boolean;
  /** The holder's processes that have the socket open; of a stranger's socket all that do. */
  readonly pids: readonly number[];
  /** Why it is not the holder's, in words; null when it is. */
  readonly reason: string | null;
}

/** What is known beside the lease. */
export interface Evidence {
  readonly processes: ProcessFinder;
  readonly table: LeaseTable;
  /** Processes of the lease's holder that were seen before, besides its own one. */
  readonly kin: readonly ProcessIdentity[];
}

/** Whose a listener on the port of a lease is: the holder's when any process that has it open is the holder's. */
export function ownershipOf(record: LeaseRecord, listener: SocketRow, evidence: Evidence): Ownership {
  const pids = sharersOf(listener);
  if (pids.length === 0) {
    // Where the OS tells of nobody, nothing is known. A process that it hides from us is another user's.
    const isHolders = listener.uid === null || identityOf(record.holder) === undefined;
    return { isHolders, pids, reason: isHolders ? null : "the daemon cannot see which process it is" };
  }
  const reasons = pids.slice(0, MOST_JUDGED).map((pid) => reasonAgainst(record, pid, evidence));
  const own = pids.filter((_, i) => i >= MOST_JUDGED || reasons[i] === null);
  const isHolders = reasons.includes(null);
  return { isHolders, pids: isHolders ? own : pids, reason: isHolders ? null : reasons[0]! };
}

/**
 * The processes that stay the holder's when the holder's process ends: one that listens, and those between it and the
 * holder's process. Where the holder's process is not above it, those of its process group: the rest of one command.
 */
export function kinOf(record: LeaseRecord, pid: number, processes: ProcessFinder): readonly ProcessIdentity[] {
  const process = processes.find(pid);
  if (process === undefined) return [];
  const lineage = lineageOf(processes, process);
  const holder = identityOf(record.holder);
  const end = holder === undefined ? -1 : lineage.findIndex((each) => isSameProcess(each, holder));
  if (end !== -1) return lineage.slice(0, Math.max(end, 1));
  const { processGroup } = process;
  return lineage.filter((each) => each === process || (processGroup !== null && each.processGroup === processGroup));
}

/** @returns null for a process of the holder. */
function reasonAgainst(record: LeaseRecord, pid: number, evidence: Evidence): string | null {
  const { processes, table, kin } = evidence;
  const holder = identityOf(record.holder);
  const process = processes.find(pid);
  if (process === undefined) return holder === undefined ? null : `pid ${pid} has ended, or cannot be looked at`;
  const lineage = lineageOf(processes, process);
  const roots = holder === undefined ? kin : [holder, ...kin];
  if (lineage.some((each) => roots.some((root) => isSameProcess(each, root)))) return null;
  const other = otherLeaseOf(record, lineage, table);
  if (other !== undefined) return `${textOf(process)} belongs to the lease ${other.name ?? other.id}`;
  if (holder === undefined) return reasonOfFolder(record, lineage, table);
  const mates = roots.flatMap((root) => aliveOf(root, processes) ?? []);
  if (mates.some((mate) => sharesGroup(mate, process)) || wasLeftBehind(processes, process, holder)) return null;
  const hasEnded = aliveOf(holder, processes) === undefined ? ", which has ended" : "";
  return `${textOf(process)} was not started by the holder's pid ${holder.pid}${hasEnded}`;
}

/** The lease of another holder from whose process, or known listener, one descends. */
function otherLeaseOf(record: LeaseRecord, lineage: readonly Process[], table: LeaseTable): LeaseRecord | undefined {
  for (const process of lineage) {
    for (const id of table.claims.idsOf(process.pid)) {
      const other = table.byId(id);
      if (other === undefined || other.holder.id === record.holder.id) continue;
      const known = [other.holder, ...(other.listener === null ? [] : [other.listener])].map(identityOf);
      if (known.some((identity) => identity !== undefined && isSameProcess(identity, process))) return other;
    }
  }
}

/**
 * Why a process does not run in the folder of a holder without a process. The nearest folder of a lease decides, at or
 * above the folder of the process, or else of a process that it descends from in the same session: beyond it are editors
 * and terminals, which start the servers of many projects.
 *
 * @returns null where it does run there, and where its folder tells nothing.
 */
function reasonOfFolder({ holder }: LeaseRecord, lineage: readonly Process[], table: LeaseTable): string | null {
  const [process] = lineage as readonly [Process];
  const wanted = judgingFolder(holder);
  if (wanted === undefined || isForwarder(process)) return null;
  let elsewhere: string | undefined;
  for (const { cwd, session } of lineage) {
    if (session !== process.session) break;
    if (cwd === null || !isTelling(cwd)) continue;
    const nearest = table.claims.nearestFolder(cwd);
    if (nearest === wanted) return null;
    elsewhere ??= cwd;
    if (nearest !== undefined) break;
  }
  if (elsewhere === undefined) return null;
  return `${textOf(process)} runs in ${shortFolder(elsewhere)}, not in ${shortFolder(holder.cwd!)}`;
}

function aliveOf(identity: ProcessIdentity, processes: ProcessFinder): Process | undefined {
  const found = processes.find(identity.pid);
  return found !== undefined && isSameProcess(found, identity) ? found : undefined;
}

function textOf({ pid, command }: Process): string {
  return command === null ? `pid ${pid}` : `pid ${pid} (${shortCommand(command, COMMAND_WIDTH)})`;
}

function shortFolder(folder: string): string {
  return folder.length <= FOLDER_WIDTH ? folder : `…${folder.slice(1 - FOLDER_WIDTH)}`;
}
