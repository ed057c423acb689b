/**
 * What a command has started: its own process, those of its session, and those that descend from it, also when the
 * processes in between have ended. src/kinship/ asks the OS.
 */
import type { ListedProcesses, Process, ProcessPlace } from "../../process/process.ts";

/** A process of a family. */
export interface Member extends ProcessPlace {
  /** Whether it is in another session than the command: it has made itself a daemon, and is not ended. */
  readonly hasLeft: boolean;
}

/** What a {@linkcode Family} works with. */
export interface FamilyParts {
  readonly processes: Pick<ListedProcesses, "find" | "list" | "placeOf">;
  /** Pid of the command's own process, which has just been started. */
  readonly root: number;
  /** Pid of this process, which started it. */
  readonly starter: number;
  /** Whether orphans become children of this process. */
  readonly adopts: boolean;
  /** Whether a child of this process does not belong to the command. */
  readonly isOwn: (pid: number) => boolean;
  /** When the first command of this process was started, where this one is started again. @default when this one was */
  readonly firstStart?: string | undefined;
}

/** The processes of one command; it remembers which it has seen. */
export class Family {
  readonly #parts: FamilyParts;
  /** `undefined` when it had ended before we could look. */
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
    const descends = this.#descent(places);
    const members = [...places.values()].filter((place) => this.#isOfOwnSession(place, places) || descends(place));
    this.#known = new Map(members.map((place) => [place.pid, place]));
    return members.map((place) => ({ ...place, hasLeft: place.session !== this.#session }));
  }

  /** What a member is; `undefined` when it has ended. */
  describe(member: Member): Process | undefined {
    const found = this.#parts.processes.find(member.pid);
    return found?.startTime === member.startTime ? found : undefined;
  }

  /**
   * Sends a signal to every member that has not left. Where the command has a session of its own it is sent to whole
   * process groups, so that a process that is just being started gets it too. It is no failure if a member has ended or
   * we may not send it a signal: the next look shows both.
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

  /** When the command was started, as the OS says it. */
  get startTime(): string | undefined {
    return this.#root?.startTime;
  }

  /**
   * Whether a child of this process that has ended was adopted, also from a command that it started before this one. Deno
   * waits for those that it has started.
   */
  hasAdopted(pid: number): boolean {
    if (pid === this.#parts.root) return false;
    const place = this.#parts.processes.placeOf(pid);
    return place !== undefined && this.#isAdopted(place, this.#parts.firstStart ?? this.startTime);
  }

  get #hasOwnSession(): boolean {
    return this.#session === this.#parts.root;
  }

  /**
   * Whether a process descends from the command. Each process is looked at once, however many descend from it: a program
   * that starts itself again and again makes lines of thousands.
   */
  #descent(places: ReadonlyMap<number, ProcessPlace>): (place: ProcessPlace) => boolean {
    const { starter } = this.#parts;
    const answers = new Map([[starter, false]]);
    return (place) => {
      const line: number[] = [];
      let at: ProcessPlace | undefined = place, answer: boolean | undefined;
      while (at !== undefined && (answer = answers.get(at.pid)) === undefined) {
        line.push(at.pid);
        if (isSame(at, this.#root) || isSame(at, this.#known.get(at.pid)) || this.#isAdopted(at)) {
          answer = true;
          break;
        }
        answers.set(at.pid, false); // the end of a circle, which pids that are used again can make
        at = at.parentPid === null ? undefined : places.get(at.parentPid);
      }
      for (const pid of line) answers.set(pid, answer === true);
      return answer === true;
    };
  }

  /** A session has the pid of its first process. Where another process has that pid, it is another session. */
  #isOfOwnSession({ session }: ProcessPlace, places: ReadonlyMap<number, ProcessPlace>): boolean {
    if (!this.#hasOwnSession || session !== this.#session) return false;
    const leader = places.get(this.#parts.root);
    return leader === undefined || isSame(leader, this.#root);
  }

  /** A child that is older than the command was started by this process itself, like a daemon of portd. */
  #isAdopted({ pid, parentPid, startTime }: ProcessPlace, since = this.startTime): boolean {
    const { adopts, starter, isOwn } = this.#parts;
    return adopts && parentPid === starter && !isOwn(pid) && since !== undefined && Number(startTime) >= Number(since);
  }
}

function groupOf({ pid, processGroup }: ProcessPlace): number {
  return processGroup === null || processGroup <= 1 ? pid : -processGroup;
}

function isSame(a: ProcessPlace, b: ProcessPlace | undefined): boolean {
  return a.pid === b?.pid && a.startTime === b.startTime;
}
