/** Text on its way to a terminal. What comes from a daemon, a file or a process list is not trusted with one. */

/** Controls of C0, C1 and DEL, and what turns the direction of writing. */
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Makes every control character visible (`\x1b`), so that no text can move the cursor or write a line of its own. */
export function neutralise(text: string): string {
  return text.replaceAll(CONTROLS, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** The controls that JSON and YAML leave as they are: DEL, C1, and what turns the direction of writing. */
const HIDDEN_CONTROLS = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Whether a text holds a control that JSON and YAML leave as it is. */
export function hasHiddenControls(text: string): boolean {
  return text.search(HIDDEN_CONTROLS) !== -1;
}

/** The same JSON or YAML with these controls as escapes; in YAML they must stand in double quotes. */
export function unicodeEscapes(text: string): string {
  return text.replaceAll(HIDDEN_CONTROLS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A value as JSON on one line, or indented; control characters are written as escapes, the C1 ones too. */
export function toJson(value: unknown, indent = 0): string {
  return unicodeEscapes(JSON.stringify(value, null, indent));
}

/** Rows under a head, in columns as wide as they need; cells are neutralised. Ends with a line end. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((row) => row.map(neutralise));
  const widths = head.map((_, column) => lines.reduce((most, row) => Math.max(most, row[column]!.length), 0));
  const padded = lines.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  return `${padded.join("\n")}\n`;
}

/** Cuts a text to a number of characters, the last of them an ellipsis. */
export function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** The same text in bold, where colour is wanted. */
export function bold(text: string, isColoured: boolean): string {
  return isColoured ? `\x1b[1m${text}\x1b[22m` : text;
}
