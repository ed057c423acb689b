/** What bounds a log that others can make grow: how many lines of a kind, and how many bytes, it takes in a minute. */
import type { DeadlineClock } from "../deadlines.ts";

/** How long what is counted is counted, in milliseconds. */
const WINDOW_MS = 60_000;
/** Lines of the same kind that are written in one window. */
const MOST_ALIKE = 20;
/** Kinds that are told apart in one window; lines of any other are counted together. */
const MOST_KINDS = 100;
/** Characters that are written in one window, of all kinds together. */
const MOST_CHARACTERS = 256 * 1024;
/** Characters of one line; a stack of calls fits. */
const LONGEST_LINE = 8192;
/** As much of a line says what kind it is, numbers aside. */
const KIND_LENGTH = 60;

/** Options of {@linkcode LogLimit}. */
export interface LogLimitOptions {
  readonly write: (line: string) => void;
  readonly clock: DeadlineClock;
}

interface Kind {
  /** Where its first line begins. */
  readonly begin: string;
  lines: number;
  omitted: number;
}

/** Passes lines on as long as there are not too many, and then says how many there were. */
export class LogLimit {
  readonly #write: (line: string) => void;
  readonly #clock: DeadlineClock;
  readonly #kinds = new Map<string, Kind>();
  #characters = 0;
  #endsAt = 0;
  #cancel: (() => void) | undefined;

  constructor({ write, clock }: LogLimitOptions) {
    this.#write = write;
    this.#clock = clock;
  }

  /** Writes a line, cut to a bearable length, or counts it. */
  line(text: string): void {
    if (this.#clock.monotonic() >= this.#endsAt) this.#begin();
    const kind = this.#kindOf(text);
    const cut = shortened(text);
    if (kind.lines >= MOST_ALIKE || this.#characters + cut.length > MOST_CHARACTERS) {
      kind.omitted++;
      this.#cancel ??= this.#clock.after(this.#endsAt - this.#clock.monotonic(), () => this.#begin());
      return;
    }
    kind.lines++;
    this.#characters += cut.length;
    this.#write(cut);
  }

  /** Says what has been left out. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const { begin, omitted } of this.#kinds.values()) {
      if (omitted > 0) this.#write(`… and ${omitted} more like it: ${begin}`);
    }
    this.#kinds.clear();
  }

  #begin(): void {
    this.end();
    this.#characters = 0;
    this.#endsAt = this.#clock.monotonic() + WINDOW_MS;
  }

  #kindOf(text: string): Kind {
    const begin = text.slice(0, KIND_LENGTH);
    const name = begin.replaceAll(/\d+/g, "0");
    const known = this.#kinds.get(name);
    if (known !== undefined) return known;
    if (this.#kinds.size > MOST_KINDS) return this.#kinds.get("")!;
    const isLast = this.#kinds.size === MOST_KINDS;
    const kind = { begin: isLast ? "lines of many kinds" : begin, lines: 0, omitted: 0 };
    this.#kinds.set(isLast ? "" : name, kind);
    return kind;
  }
}

function shortened(text: string): string {
  if (text.length <= LONGEST_LINE) return text;
  return `${text.slice(0, LONGEST_LINE)}… (${text.length} characters)`;
}
