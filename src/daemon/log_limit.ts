/** Limits a log that others can make grow: how many lines of a kind, and how many characters, it takes in a minute. */
import type { Timer } from "../clock.ts";
import type { LogLevel } from "../log_line.ts";

/** The time in which lines are counted, in milliseconds. */
const WINDOW_MS = 60_000;
/** Lines of the same kind that are written in one window. */
const MOST_ALIKE = 20;
/** Kinds that are counted on their own in one window; lines of further kinds are counted together. */
const MOST_KINDS = 100;
/** Characters that are written in one window, for all kinds together. */
const MOST_CHARACTERS = 256 * 1024;
/** Characters of one line: enough for the stack of an error. */
const LONGEST_LINE = 8192;
/** Lines of one kind have the same first characters, apart from numbers. */
const KIND_LENGTH = 60;

interface Kind {
  /** The beginning and the level of its first line. */
  readonly beginning: string;
  readonly level: LogLevel;
  lines: number;
  omitted: number;
}

/** Writes lines as long as there are not too many, and then how many were omitted. */
export class LogLimit {
  readonly #write: (line: string, level: LogLevel) => void;
  readonly #clock: Timer;
  readonly #kinds = new Map<string, Kind>();
  #characters = 0;
  #endsAt = 0;
  #cancel: (() => void) | undefined;

  constructor({ write, clock }: { readonly write: (line: string, level: LogLevel) => void; readonly clock: Timer }) {
    this.#write = write;
    this.#clock = clock;
  }

  /** Writes a line, shortened where it is too long, or counts it. */
  line(text: string, level: LogLevel = "info"): void {
    if (this.#clock.monotonic() >= this.#endsAt) this.#begin();
    const kind = this.#kindOf(text, level);
    const line = shortened(text);
    if (kind.lines >= MOST_ALIKE || this.#characters + line.length > MOST_CHARACTERS) {
      kind.omitted++;
      this.#cancel ??= this.#clock.after(this.#endsAt - this.#clock.monotonic(), () => this.#begin());
      return;
    }
    kind.lines++;
    this.#characters += line.length;
    this.#write(line, level);
  }

  /** Writes how many lines were omitted. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const { beginning, level, omitted } of this.#kinds.values()) {
      if (omitted > 0) this.#write(`… and ${omitted} more like it: ${beginning}`, level);
    }
    this.#kinds.clear();
  }

  #begin(): void {
    this.end();
    this.#characters = 0;
    this.#endsAt = this.#clock.monotonic() + WINDOW_MS;
  }

  #kindOf(text: string, level: LogLevel): Kind {
    const beginning = text.slice(0, KIND_LENGTH);
    const name = beginning.replaceAll(/\d+/g, "0");
    const known = this.#kinds.get(name);
    if (known !== undefined) return known;
    if (this.#kinds.size > MOST_KINDS) return this.#kinds.get("")!;
    const isLast = this.#kinds.size === MOST_KINDS;
    const kind = { beginning: isLast ? "lines of many kinds" : beginning, level, lines: 0, omitted: 0 };
    this.#kinds.set(isLast ? "" : name, kind);
    return kind;
  }
}

/** A line that is not longer than the log takes. */
export function shortened(text: string): string {
  if (text.length <= LONGEST_LINE) return text;
  return `${text.slice(0, LONGEST_LINE)}… (${text.length} characters)`;
}
