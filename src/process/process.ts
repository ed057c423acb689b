/**
 * Processes: which process a pid is and whether it is still the same one. This file has the types and what follows from
 * them; open.ts chooses for the OS, linux/, windows/, darwin/ and generic.ts do the work.
 */

/** Evidence of one process. A pid alone is reused; pid, start time and boot id together are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the OS's own unit and never wall-clock time (Linux: clock ticks since boot). */
  readonly startTime: string;
  /** The boot during which it runs; empty where the OS has none. */
  readonly bootId: string;
}

/** What describes a process to people; null is unknown. */
export interface ProcessDescription {
  readonly command: string | null;
  readonly cwd: string | null;
  /** Its name; on Windows the SID until the name is known. */
  readonly user: string | null;
}

/** The identity of a process; null is unknown. */
export type PossibleIdentity = { readonly [Key in keyof ProcessIdentity]: ProcessIdentity[Key] | null };

/** Identity and description of a process; null is unknown. */
export type ProcessEvidence = PossibleIdentity & ProcessDescription;

/** The evidence where nothing is known. */
export const NO_EVIDENCE: ProcessEvidence = {
  pid: null,
  startTime: null,
  bootId: null,
  command: null,
  cwd: null,
  user: null,
};

/** Where a process is among the others. */
export interface ProcessPlace extends Omit<ProcessIdentity, "bootId"> {
  readonly parentPid: number | null;
  readonly processGroup: number | null;
  readonly session: number | null;
}

/** A process as it was when it was looked at. */
export interface Process extends ProcessIdentity, ProcessDescription, ProcessPlace {
  /** When it started, as an ISO instant in UTC to the second: for people, as the clock may have been set since. */
  readonly startedAt: string | null;
}

/** What portd asks an OS about processes. All calls are quick and blocking. */
export interface Processes {
  /** The current boot: changes when the machine restarts; empty where the OS has none. */
  readonly bootId: string;
  /** @returns `undefined` when no such process runs (a zombie does not run). */
  find(pid: number): Process | undefined;
  /** Whether the process of this identity still runs: the same pid, start time and boot. */
  isAlive(identity: ProcessIdentity): boolean;
  /** The name of a user, or the number itself where it has none. Only on systems whose sockets have user numbers. */
  userName?(uid: number): string;
  /**
   * Finds processes that have nothing to do with a lease. Only on Windows, where `find` reads the folder of a process
   * from its memory: that is left alone unless a lease is decided by it.
   */
  readonly strangers?: ProcessFinder;
}

/** Processes of an OS that lists them all. */
export interface ListedProcesses extends Processes {
  /** Every process that runs, with no more than its place: quick even with thousands of them. */
  list(): readonly ProcessPlace[];
  /** The place of one process; on Linux also of one that has ended and is a zombie. */
  placeOf(pid: number): ProcessPlace | undefined;
}

/** Finds processes by their number. */
export type ProcessFinder = Pick<Processes, "find">;

/** Finds processes that have nothing to do with a lease. */
export function strangersOf(processes: Processes): ProcessFinder {
  return processes.strangers ?? processes;
}

/** The processes at one moment: each is looked up once. Not to be used later. */
export function snapshotOf(processes: ProcessFinder): ProcessFinder {
  const found = new Map<number, Process | undefined>();
  return {
    find(pid) {
      if (!found.has(pid)) found.set(pid, processes.find(pid));
      return found.get(pid);
    },
  };
}

/** Whether two identities are those of one process: the same pid, start time and boot. */
export function isSameProcess(a: PossibleIdentity, b: PossibleIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId;
}

/** The process of an identity, while it runs. */
export function findSame(processes: ProcessFinder, identity: ProcessIdentity): Process | undefined {
  const found = processes.find(identity.pid);
  return found !== undefined && isSameProcess(found, identity) ? found : undefined;
}

/** Whether two processes are in the same process group or session. An unknown one is never the same. */
export function sharesGroup(a: Process, b: Process): boolean {
  return (a.processGroup !== null && a.processGroup === b.processGroup) ||
    (a.session !== null && a.session === b.session);
}

/**
 * Whether a process is in a group or session whose leader has ended. While a process is in it, the kernel does not reuse
 * the leader's pid.
 */
export function outlivesLeader(processes: ProcessFinder, process: Process, leader: ProcessIdentity): boolean {
  const { processGroup, session, bootId } = process;
  return bootId === leader.bootId && (processGroup === leader.pid || session === leader.pid) &&
    processes.find(leader.pid) === undefined;
}

/** A process and those that it descends from, itself first; the system's first process is left out. */
export function lineageOf(processes: ProcessFinder, process: Process): readonly Process[] {
  return [process, ...ancestorsOf(processes, process)];
}

/** The processes that one descends from, the parent first; the system's first process is left out. */
export function ancestorsOf(processes: ProcessFinder, process: Process): readonly Process[] {
  const ancestors: Process[] = [];
  const seen = new Set([process.pid]);
  for (let at = parentOf(processes, process); at !== undefined && !seen.has(at.pid); at = parentOf(processes, at)) {
    ancestors.push(at);
    seen.add(at.pid);
  }
  return ancestors;
}

function parentOf(processes: ProcessFinder, child: Process): Process | undefined {
  return child.parentPid === null || child.parentPid <= 1 ? undefined : processes.find(child.parentPid);
}
