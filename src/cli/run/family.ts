/**
 * What a command started: its own process, those of its session, and those that descend from it, also when the
 * processes in between have ended. kinship.ts asks the OS.
 */
import type { ListedProcesses, Process, ProcessPlace } from "../../process/process.ts";

/** A process of a family. */
export interface Member extends ProcessPlace {
  /** Whether it is in another session than the command: it has made itself a daemon, and is not the command's to end. */
  readonly hasLeft: boolean;
}

/** What a {@linkcode Family} is made of. */
export interface FamilyParts {
  readonly processes: Pick<ListedProcesses, "find" | "list" | "placeOf">;
  /** The command's own process, which has just been started. */
  readonly root: number;
  /** This process, which started it. */
  readonly starter: number;
  /** Whether orphans become children of this process. */
  readonly adopts: boolean;
  /** Whether a child of this process is none of the command's. */
  readonly isOwn: (pid: number) => boolean;
}

/** One family; remembers whom it has seen. */
export class Family {
  readonly #parts: FamilyParts;
  /** `undefined` when it had ended before anybody could look. */
  readonly #root: ProcessPlace | undefined;
  readonly #session: number | null;
  #known: ReadonlyMap<number, ProcessPlace> = new Map();

  constructor(parts: FamilyParts) {
    const { processes, root, starter } = parts;
    this.#parts = parts;
    this.#root = processes.placeOf(root);
    this.#session = (this.#root ?? processes.placeOf(starter))?.session ?? null;
  }

  /** The members that run now. Blocking. */
  look(): readonly Member[] {
    const places = new Map(this.#parts.processes.list().map((place) => [place.pid, place]));
    const members = [...places.values()].filter((place) => this.#isMember(place, places));
    this.#known = new Map(members.map((place) => [place.pid, place]));
    return members.map((place) => ({ ...place, hasLeft: place.session !== this.#session }));
  }

  /** Who a member is; `undefined` when it has ended. */
  describe(member: Member): Process | undefined {
    const found = this.#parts.processes.find(member.pid);
    return found?.startTime === member.startTime ? found : undefined;
  }

  /**
   * Sends a signal to every member that has not left; to whole process groups where the session is the command's alone,
   * so that a process that is started in this moment gets it too. Who has ended is no failure, and neither is who may
   * not be signalled: both show at the next look.
   */
  send(signal: Deno.Signal): void {
    const staying = this.look().filter(({ hasLeft }) => !hasLeft);
    const targets = this.#hasOwnSession ? staying.map(groupOf) : staying.map(({ pid }) => pid);
    for (const target of new Set(targets)) {
      try {
        Deno.kill(target, signal);
      } catch (error) {
        const isExpected = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
        if (!isExpected) throw error;
      }
    }
  }

  /** Whether a child of this process that has ended was adopted, and is not one that Deno started. */
  hasAdopted(pid: number): boolean {
    if (pid === this.#parts.root) return false;
    const place = this.#parts.processes.placeOf(pid);
    return place !== undefined && this.#isAdopted(place);
  }

  get #hasOwnSession(): boolean {
    return this.#session === this.#parts.root;
  }

  #isMember(place: ProcessPlace, places: ReadonlyMap<number, ProcessPlace>): boolean {
    const { starter } = this.#parts;
    if (this.#isOfOwnSession(place, places)) return true;
    const seen = new Set<number>();
    for (let at: ProcessPlace | undefined = place; at !== undefined && at.pid !== starter && !seen.has(at.pid);) {
      if (isSame(at, this.#root) || isSame(at, this.#known.get(at.pid)) || this.#isAdopted(at)) return true;
      seen.add(at.pid);
      at = at.parentPid === null ? undefined : places.get(at.parentPid);
    }
    return false;
  }

  /** A session is named after its first process: with another process of that pid, it is another session. */
  #isOfOwnSession({ session }: ProcessPlace, places: ReadonlyMap<number, ProcessPlace>): boolean {
    if (!this.#hasOwnSession || session !== this.#session) return false;
    const leader = places.get(this.#parts.root);
    return leader === undefined || isSame(leader, this.#root);
  }

  /** What this process started before the command, like a daemon of portd, is older than the command. */
  #isAdopted({ pid, parentPid, startTime }: ProcessPlace): boolean {
    const { adopts, starter, isOwn } = this.#parts;
    return adopts && parentPid === starter && !isOwn(pid) && this.#root !== undefined &&
      Number(startTime) >= Number(this.#root.startTime);
  }
}

function groupOf({ pid, processGroup }: ProcessPlace): number {
  return processGroup === null || processGroup <= 1 ? pid : -processGroup;
}

function isSame(a: ProcessPlace, b: ProcessPlace | undefined): boolean {
  return a.pid === b?.pid && a.startTime === b.startTime;
}
