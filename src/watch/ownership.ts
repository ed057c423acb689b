/**
 * Decides whose a listener on a leased port is: the holder's or a stranger's. docs/architecture.md has the rules as a
 * table. Asks about processes, remembers nothing.
 */
import { judgingFolder } from "../lease/claims.ts";
import { identityOf } from "../lease/holder.ts";
import type { LeaseTable } from "../lease/lease_table.ts";
import type { LeaseRecord } from "../lease/record.ts";
import { sharersOf, type SocketRow } from "../os/socket.ts";
import { shortCommand } from "../process/command_line.ts";
import { isSystemFolder } from "../process/folder.ts";
import { isForwarder } from "../process/forwarder.ts";
import {
  findSame,
  isSameProcess,
  lineageOf,
  outlivesLeader,
  type Process,
  type ProcessFinder,
  type ProcessIdentity,
  sharesGroup,
} from "../process/process.ts";

/** How many of the processes that share a socket are judged one by one; the others count like those. */
const MOST_JUDGED = 256;
/** How many characters of a command and of a folder a reason has. */
const COMMAND_WIDTH = 60, FOLDER_WIDTH = 200;

/** Whose a listener is. */
export interface Ownership {
  readonly ofHolder: boolean;
  /** The holder's processes that have the socket open; for a stranger's socket all processes that do. */
  readonly pids: readonly number[];
  /** Why it is not the holder's, in words; null when it is. */
  readonly reason: string | null;
}

/** What is known besides the lease. */
export interface Evidence {
  readonly processes: ProcessFinder;
  readonly table: LeaseTable;
  /** Other processes of the holder that were seen before. */
  readonly holderProcesses: readonly ProcessIdentity[];
}

/** Decides whose a listener is: the holder's when any process that has it open is the holder's. */
export function ownershipOf(record: LeaseRecord, listener: SocketRow, evidence: Evidence): Ownership {
  const pids = sharersOf(listener);
  if (pids.length === 0) {
    // Where the OS names no processes, nothing is known. A process that it hides belongs to another user.
    const ofHolder = listener.uid === null || identityOf(record.holder) === undefined;
    return { ofHolder, pids, reason: ofHolder ? null : "the daemon cannot see which process it is" };
  }
  const reasons = pids.slice(0, MOST_JUDGED).map((pid) => reasonAgainst(record, pid, evidence));
  if (!reasons.includes(null)) return { ofHolder: false, pids, reason: reasons[0]! };
  return { ofHolder: true, pids: pids.filter((_, i) => i >= MOST_JUDGED || reasons[i] === null), reason: null };
}

/**
 * The processes that stay the holder's when the holder's process ends: one that listens, and those between it and the
 * holder's process. If it does not descend from the holder's process: it and its ancestors in its process group, which
 * are the rest of one command.
 */
export function holderProcessesOf(
  record: LeaseRecord,
  pid: number,
  processes: ProcessFinder,
): readonly ProcessIdentity[] {
  const process = processes.find(pid);
  if (process === undefined) return [];
  const lineage = lineageOf(processes, process);
  const holder = identityOf(record.holder);
  const end = holder === undefined ? -1 : lineage.findIndex((each) => isSameProcess(each, holder));
  if (end !== -1) return lineage.slice(0, Math.max(end, 1));
  const { processGroup } = process;
  return lineage.filter((each) => each === process || (processGroup !== null && each.processGroup === processGroup));
}

/** Why a process is not the holder's; null when it is. */
function reasonAgainst(record: LeaseRecord, pid: number, evidence: Evidence): string | null {
  const { processes, table, holderProcesses } = evidence;
  const holder = identityOf(record.holder);
  const process = processes.find(pid);
  if (process === undefined) return holder === undefined ? null : `pid ${pid} has ended, or the daemon cannot see it`;
  const lineage = lineageOf(processes, process);
  const known = holder === undefined ? holderProcesses : [holder, ...holderProcesses];
  if (lineage.some((each) => known.some((one) => isSameProcess(each, one)))) return null;
  const other = otherLeaseOf(record, lineage, table);
  if (other !== undefined) return `${textOf(process)} belongs to the lease ${other.name ?? other.id}`;
  if (holder === undefined) return reasonOfFolder(record, lineage, table);
  const running = known.flatMap((one) => findSame(processes, one) ?? []);
  if (running.some((one) => sharesGroup(one, process)) || outlivesLeader(processes, process, holder)) return null;
  const hasEnded = findSame(processes, holder) === undefined ? ", which has ended" : "";
  return `${textOf(process)} was not started by the holder's pid ${holder.pid}${hasEnded}`;
}

/** The lease of another holder from whose process, or known listener, a process descends. */
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
 * above the folder of the process or, if there is none, of its ancestors in the same session. Ancestors outside of the
 * session are editors and terminals, which start the servers of many projects.
 *
 * @returns null when it runs there, and when no folder is known.
 */
function reasonOfFolder({ holder }: LeaseRecord, lineage: readonly Process[], table: LeaseTable): string | null {
  const [process] = lineage as readonly [Process];
  const wanted = judgingFolder(holder);
  if (wanted === undefined || isForwarder(process)) return null;
  let elsewhere: string | undefined;
  for (const { cwd, session } of lineage) {
    if (session !== process.session) break;
    if (cwd === null || isSystemFolder(cwd)) continue;
    const nearest = table.claims.nearestFolder(cwd);
    if (nearest === wanted) return null;
    elsewhere ??= cwd;
    if (nearest !== undefined) break;
  }
  if (elsewhere === undefined) return null;
  return `${textOf(process)} runs in ${shortFolder(elsewhere)}, not in ${shortFolder(holder.cwd!)}`;
}

function textOf({ pid, command }: Process): string {
  return command === null ? `pid ${pid}` : `pid ${pid} (${shortCommand(command, COMMAND_WIDTH)})`;
}

function shortFolder(folder: string): string {
  return folder.length <= FOLDER_WIDTH ? folder : `…${folder.slice(1 - FOLDER_WIDTH)}`;
}
