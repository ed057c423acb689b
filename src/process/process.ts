/**
 * Processes: who a pid is and whether it still is the same one. This file is the types and the dispatcher; linux/,
 * windows/, darwin/ and generic.ts do the work.
 */
import type { ProcessDescription, ProcessIdentity } from "../lease/lease.ts";
import { DarwinProcesses } from "./darwin/processes.ts";
import { GenericProcesses } from "./generic.ts";
import { LinuxProcesses } from "./linux/processes.ts";
import type { Procfs } from "./linux/procfs.ts";
import { openWindowsLibraries, WindowsProcesses } from "./windows/processes.ts";

/** Where a process stands among the others. */
export interface ProcessPlace {
  readonly pid: number;
  /** See {@linkcode ProcessIdentity}. */
  readonly startTime: string;
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
  /** The boot that runs now: changes when the machine starts anew; empty where the OS tells none. */
  readonly bootId: string;
  /** @returns `undefined` when no such process runs (a zombie does not run). */
  find(pid: number): Process | undefined;
  /** Whether the very process of the identity still runs: the same pid, start time and boot. */
  isAlive(identity: ProcessIdentity): boolean;
}

/** Processes of an OS that lists them all. */
export interface ListedProcesses extends Processes {
  /** Every process that runs, with no more than its place: quick, also with thousands of them. */
  list(): readonly ProcessPlace[];
  /** The place of one process; on Linux also of one that has ended and is a zombie. */
  placeOf(pid: number): ProcessPlace | undefined;
}

/** The processes of this machine. @param procfs is there on Linux. */
export function openProcesses(procfs: Procfs | undefined): Processes {
  if (procfs !== undefined) return new LinuxProcesses(procfs);
  if (Deno.build.os === "windows") return new WindowsProcesses(openWindowsLibraries());
  if (Deno.build.os === "darwin") return DarwinProcesses.open();
  return new GenericProcesses();
}

/**
 * Whether a process belongs to a holder: it is the holder's process, descends from it, or shares its process group or
 * session.
 */
export function belongsTo(processes: Processes, pid: number, holder: ProcessIdentity): boolean {
  const root = processes.isAlive(holder) ? processes.find(holder.pid) : undefined;
  if (root === undefined) return false;
  const seen = new Set<number>();
  for (let at = processes.find(pid); at !== undefined && !seen.has(at.pid); at = parentOf(processes, at)) {
    if (at.pid === root.pid) return true;
    if (at.pid === pid && sharesTerminal(at, root)) return true;
    seen.add(at.pid);
  }
  return false;
}

/** The processes that one descends from, the parent first; the system's first process is left out. */
export function ancestorsOf(processes: Processes, process: Process): readonly Process[] {
  const ancestors: Process[] = [];
  const seen = new Set([process.pid]);
  for (let at = parentOf(processes, process); at !== undefined && !seen.has(at.pid); at = parentOf(processes, at)) {
    ancestors.push(at);
    seen.add(at.pid);
  }
  return ancestors;
}

function parentOf(processes: Processes, child: Process): Process | undefined {
  return child.parentPid === null || child.parentPid <= 1 ? undefined : processes.find(child.parentPid);
}

function sharesTerminal(a: Process, b: Process): boolean {
  return (a.processGroup !== null && a.processGroup === b.processGroup) ||
    (a.session !== null && a.session === b.session);
}
