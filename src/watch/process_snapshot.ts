/** Looks at many processes at one moment: each is looked up once. */
import type { Process, ProcessFinder } from "../process/process.ts";

/** The processes at one moment. Not to be used later. */
export class ProcessSnapshot implements ProcessFinder {
  readonly #processes: ProcessFinder;
  readonly #found = new Map<number, Process | undefined>();

  constructor(processes: ProcessFinder) {
    this.#processes = processes;
  }

  find(pid: number): Process | undefined {
    if (this.#found.has(pid)) return this.#found.get(pid);
    const process = this.#processes.find(pid);
    this.#found.set(pid, process);
    return process;
  }
}
