/**
 * Command lines of Windows: one text, which each program splits into words by itself, nearly all by the same rules.
 * Manual: CommandLineToArgvW. Pure.
 */

/** The words as one text. The first one, the program, is always in quotes: its folder may have a space in its name. */
export function joinCommandLine([program, ...words]: readonly [string, ...string[]]): string {
  return [`"${program}"`, ...words.map(quoteWord)].join(" ");
}

/** A word for a command line: in quotes where it is empty, or has blanks or quotes. */
export function quoteWord(word: string): string {
  if (word !== "" && !/[\s"]/.test(word)) return word;
  // A backslash has a meaning only before a quote.
  return `"${word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, "$&$&")}"`;
}

/** The words of a command line. In the first one, the program, a backslash has no special meaning. */
export function splitCommandLine(text: string): string[] {
  const line = text.trim();
  if (line === "") return [];
  const [whole, quoted, plain] = /^(?:"([^"]*)"?|(\S*))/.exec(line)!;
  return [quoted ?? plain!, ...splitArguments(line.slice(whole.length))];
}

/** Backslashes before a quote, a quote, blanks, anything else. */
const PARTS = /(\\*)("+)|([ \t\r\n]+)|([^\\" \t\r\n]+|\\+)/g;

function* splitArguments(text: string): Generator<string> {
  let word: string | undefined;
  let isQuoted = false;
  for (const [, slashes = "", quotes, blanks, plain] of text.matchAll(PARTS)) {
    if (blanks !== undefined && !isQuoted) {
      if (word !== undefined) yield word;
      word = undefined;
    } else if (quotes !== undefined) {
      const isEscaped = slashes.length % 2 === 1;
      word = (word ?? "") + "\\".repeat(slashes.length >> 1) + (isEscaped ? '"' : "");
      for (let left = quotes.length - (isEscaped ? 1 : 0); left > 0; left--) {
        if (isQuoted && left > 1) {
          word += '"'; // two within quotes mean one
          left--;
        } else isQuoted = !isQuoted;
      }
    } else word = (word ?? "") + (plain ?? blanks ?? "");
  }
  if (word !== undefined) yield word;
}
