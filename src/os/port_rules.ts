/** The rules of the OS for port numbers while a daemon runs: Windows changes them when Docker or WSL starts. */
import type { Clock } from "../clock.ts";
import { reasonOf } from "../errors.ts";
import { within } from "../wait.ts";
import type { OsPorts } from "./ports.ts";

/** The rules, kept up to date. */
export interface PortRules {
  /** As they were last read. */
  readonly current: OsPorts;
  /** As they are, for a look at one port; takes at most some seconds. */
  look(): Promise<OsPorts>;
  /** Has them read again soon: the system has refused a port without a reason that is known. */
  refresh(): void;
  /** Calls back after each reading by which the rules have changed. */
  onChange(listener: (rules: OsPorts) => void): void;
  close(): void;
}

/** Rules that no service of the system changes. @param read is quick. */
export function steadyRules(current: OsPorts, read: () => Promise<OsPorts>): PortRules {
  return { current, look: read, refresh() {}, onChange() {}, close() {} };
}

/** Options of {@linkcode LivePortRules}. */
export interface LivePortRulesOptions {
  readonly clock: Pick<Clock, "after">;
  /** May take long, and fail. */
  readonly read: () => Promise<OsPorts>;
  /** What is true until they have been read. */
  readonly initial: OsPorts;
  /** How long a reading is kept. @default 300_000 */
  readonly keepMs?: number;
  /** The shortest time between two readings. @default 10_000 */
  readonly pauseMs?: number;
  /** How long {@linkcode PortRules.look} waits for a reading. @default 2000 */
  readonly lookMs?: number;
}

/**
 * Rules that are read by a tool that may be slow, or hang: nobody waits for it. They are read at once, again when they
 * are old, and soon after {@linkcode LivePortRules.refresh}. Where they cannot be read, the last ones stay, with a warning.
 */
export class LivePortRules implements PortRules {
  #current: OsPorts;
  readonly #options: Required<LivePortRulesOptions>;
  readonly #listeners: ((rules: OsPorts) => void)[] = [];
  #reading: Promise<void> | undefined;
  #stopTimer = (): void => {};
  #isSoon = false;
  #isClosed = false;

  constructor(options: LivePortRulesOptions) {
    this.#options = { keepMs: 300_000, pauseMs: 10_000, lookMs: 2000, ...options };
    this.#current = options.initial;
    this.#reading = this.#read();
  }

  get current(): OsPorts {
    return this.#current;
  }

  async look(): Promise<OsPorts> {
    if (this.#reading !== undefined) await within(this.#reading, this.#options.lookMs);
    return this.#current;
  }

  refresh(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    if (this.#reading === undefined) this.#schedule();
  }

  onChange(listener: (rules: OsPorts) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  async #read(): Promise<void> {
    this.#isSoon = false;
    try {
      this.#take(await this.#options.read());
    } catch (error) {
      this.#take({ ...this.#current, warnings: [reasonOf(error)] });
    }
    this.#reading = undefined;
    this.#schedule();
  }

  #take(rules: OsPorts): void {
    const isSame = JSON.stringify(rules) === JSON.stringify(this.#current);
    this.#current = rules;
    if (isSame || this.#isClosed) return;
    for (const listener of this.#listeners) listener(rules);
  }

  #schedule(): void {
    this.#stopTimer();
    if (this.#isClosed) return;
    const { clock, keepMs, pauseMs } = this.#options;
    this.#stopTimer = clock.after(this.#isSoon ? pauseMs : keepMs, () => this.#reading = this.#read());
  }
}
