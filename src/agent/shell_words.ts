/**
 * Shell commands as far as it takes to see which programs they start: simple commands with their words, those in
 * substitutions, in `sh -c`, and behind `xargs` and the like too. It is no shell: what it does not understand it takes for
 * plain text. Pure.
 */

/** One simple command. */
export interface SimpleCommand {
  /** Its words without quotes; a substitution in a word is `$()`. */
  readonly words: readonly string[];
  /** What stands in its substitutions. */
  readonly inner: readonly SimpleCommand[];
  /** The commands before it in the same pipe. */
  readonly piped: readonly SimpleCommand[];
}

/** A longer text is cut: no command that a person or an agent writes is so long. */
const MOST_CHARACTERS = 65_536;
/** So deep may substitutions be in each other. */
const MOST_DEPTH = 16;

/** The commands of a text, in their order; those of substitutions are in the command that has them. */
export function readCommands(text: string, depth = 0): readonly SimpleCommand[] {
  if (depth > MOST_DEPTH) return [];
  return new Reader(text.slice(0, MOST_CHARACTERS), depth).read();
}

/** All commands: these, and those in their substitutions. */
export function everyCommand(commands: readonly SimpleCommand[]): readonly SimpleCommand[] {
  return commands.flatMap((command) => [command, ...everyCommand(command.inner)]);
}

class Reader {
  readonly #text: string;
  readonly #depth: number;
  #at = 0;
  #done: SimpleCommand[] = [];
  #pipe: SimpleCommand[] = [];
  #words: string[] = [];
  #inner: SimpleCommand[] = [];
  #word: string | undefined;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
  }

  read(): readonly SimpleCommand[] {
    while (this.#at < this.#text.length) this.#step();
    this.#endCommand({ isPiped: false });
    return this.#done;
  }

  #step(): void {
    const rest = this.#text.slice(this.#at, this.#at + 2), char = rest[0]!;
    if (char === "\\") return this.#take(rest[1] === "\n" ? "" : rest[1] ?? "", 2);
    if (char === "'") return this.#quoted();
    if (char === '"') return this.#doubleQuoted();
    if (rest === "$(" || rest === "<(" || rest === ">(") return this.#substitution(2, ")");
    if (char === "`") return this.#substitution(1, "`");
    if (char === "#" && this.#word === undefined) return this.#comment();
    if (rest === "<<") return this.#hereDocument();
    if (rest === "&&" || rest === "||" || rest === "|&") return this.#separator(2, rest === "|&");
    if (char === ";" || char === "\n" || char === "|") return this.#separator(1, char === "|");
    if (char === "&") return this.#ampersand();
    if (char === "(" || char === ")" || char === "{" || char === "}") return this.#bracket(char);
    if (/\s/.test(char)) return this.#endWord(1);
    this.#take(char, 1);
  }

  #take(text: string, length: number): void {
    this.#word = (this.#word ?? "") + text;
    this.#at += length;
  }

  #quoted(): void {
    const end = this.#text.indexOf("'", this.#at + 1);
    const stop = end === -1 ? this.#text.length : end;
    this.#take(this.#text.slice(this.#at + 1, stop), stop - this.#at + 1);
  }

  #doubleQuoted(): void {
    this.#take("", 1);
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      const rest = this.#text.slice(this.#at, this.#at + 2);
      if (rest[0] === "\\") this.#take(rest[1] ?? "", 2);
      else if (rest === "$(") this.#substitution(2, ")");
      else if (rest[0] === "`") this.#substitution(1, "`");
      else this.#take(rest[0]!, 1);
    }
    this.#at++;
  }

  /** Reads what stands between here and the end of a substitution, and goes on behind it. */
  #substitution(length: number, end: ")" | "`"): void {
    const start = this.#at + length;
    let at = start, depth = 1;
    for (let quote = ""; at < this.#text.length; at++) {
      const char = this.#text[at]!;
      if (char === "\\") at++;
      else if (quote !== "") quote = char === quote ? "" : quote;
      else if (char === "'" || char === '"') quote = char;
      else if (char === end) {
        if (--depth === 0) break;
      } else if (char === "(") depth += end === ")" ? 1 : 0;
    }
    this.#inner.push(...readCommands(this.#text.slice(start, at), this.#depth + 1));
    this.#word = `${this.#word ?? ""}$()`;
    this.#at = at + 1;
  }

  #comment(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end === -1 ? this.#text.length : end;
  }

  /** The text of a here-document is no command; `<<<` is a word. */
  #hereDocument(): void {
    const [whole, dash, , mark] =
      /^<<(?!<)(-?)\s*(["']?)([\w.-]+)\2/.exec(this.#text.slice(this.#at, this.#at + 200)) ?? [];
    if (whole === undefined) return this.#endWord(this.#text[this.#at + 2] === "<" ? 3 : 2);
    const line = this.#text.indexOf("\n", this.#at);
    const close = new RegExp(`\\n${dash ? "\\t*" : ""}${mark!.replaceAll(".", "\\.")}(?=\\n|$)`);
    const found = line === -1 ? undefined : close.exec(this.#text.slice(line));
    this.#endWord(whole.length);
    if (found === undefined || found === null) return;
    // What stands behind the mark in its own line still counts.
    const tail = this.#text.slice(this.#at, line);
    const after = line + found.index + found[0].length;
    for (const command of readCommands(tail, this.#depth + 1)) this.#inner.push(command);
    this.#at = after;
  }

  #ampersand(): void {
    // `>&2`, `2>&1` and `&>file` are no end of a command.
    const before = this.#text[this.#at - 1], after = this.#text[this.#at + 1];
    if (before === ">" || before === "<" || after === ">") return this.#take("&", 1);
    this.#separator(1, false);
  }

  /** Brackets begin and end commands where a word could stand; in a word they are text, as in `a{1,2}`. */
  #bracket(char: string): void {
    if (this.#word !== undefined && (char === "{" || char === "}")) return this.#take(char, 1);
    this.#separator(1, false);
  }

  #separator(length: number, isPiped: boolean): void {
    this.#endCommand({ isPiped });
    this.#at += length;
  }

  #endWord(length: number): void {
    if (this.#word !== undefined) this.#words.push(this.#word);
    this.#word = undefined;
    this.#at += length;
  }

  #endCommand({ isPiped }: { readonly isPiped: boolean }): void {
    this.#endWord(0);
    if (this.#words.length > 0 || this.#inner.length > 0) {
      const command = { words: this.#words, inner: this.#inner, piped: [...this.#pipe] };
      this.#done.push(command);
      this.#pipe.push(command);
    }
    if (!isPiped) this.#pipe = [];
    this.#words = [];
    this.#inner = [];
  }
}
