/** Making characters visible that control a terminal, or begin a new line in a log. */

/** Control characters of C0 and C1, DEL, line separators, and the characters that change the direction of writing. */
// deno-lint-ignore no-control-regex -- it is about control characters
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Writes every control character as an escape (`\x1b`), so that no text can move the cursor or begin a new line. */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROLS, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** The same for JSON text, in which the characters of C0 are escaped already. The result is JSON too. */
export function escapeControlsOfJson(json: string): string {
  return json.replaceAll(
    CONTROLS,
    (character) => character < " " ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether a text has a control character that JSON and YAML do not escape, such as DEL or one of C1. */
export function hasHiddenControls(text: string): boolean {
  return escapeControlsOfJson(text) !== text;
}
