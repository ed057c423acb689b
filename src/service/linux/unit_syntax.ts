/** Words as systemd reads them in a unit, systemd.syntax(7) and systemd.service(5) "COMMAND LINES". Pure. */

/** A word that needs no quotes. */
const PLAIN = /^[\w./:=,@+-]+$/;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", s: " ", "\\": "\\", '"': '"', "'": "'" };

/** One word of a list, such as of `Environment=` and `ReadWritePaths=`. */
export function quoteWord(word: string): string {
  const literal = word.replaceAll("%", "%%"); // a single one begins a specifier, in quotes too
  if (PLAIN.test(literal)) return literal;
  // deno-lint-ignore no-control-regex
  return `"${literal.replaceAll(/["\\]/g, "\\$&").replaceAll(/[\x00-\x1f\x7f]/g, escapeControl)}"`;
}

/** The value of `ExecStart=`. @param program is an absolute path. */
export function quoteCommand([program, ...args]: readonly [string, ...string[]]): string {
  // systemd replaces variables in arguments, quoted or not, but not in the path of the program.
  return [program, ...args.map((word) => word.replaceAll("$", () => "$$"))].map(quoteWord).join(" ");
}

/** Reads what {@linkcode quoteCommand} wrote. @returns `undefined` for text that it does not understand. */
export function parseCommand(text: string): string[] | undefined {
  const words: string[] = [];
  let end = 0;
  for (
    const { 0: all, 1: quoted, 2: plain, index } of text.matchAll(/\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"'\\]+))(?=\s|$)/g)
  ) {
    if (index !== end) return undefined;
    words.push(quoted === undefined ? plain! : unescape(quoted));
    end += all.length;
  }
  if (words.length === 0 || text.slice(end).trim() !== "") return undefined;
  return words.map((word, i) => {
    const literal = word.replaceAll("%%", "%");
    return i === 0 ? literal : literal.replaceAll("$$", () => "$");
  });
}

function escapeControl(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function unescape(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, letter: string | undefined) => {
    return hex === undefined ? ESCAPES[letter!] ?? letter! : String.fromCharCode(parseInt(hex, 16));
  });
}
