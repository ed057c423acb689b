/** Text that is to be read as text: what could steer a terminal or forge a line of a log is made visible. */

/** Controls of C0 and C1, DEL, line separators, and the characters that change the direction of writing. */
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Makes every control character visible (`\x1b`), so that no text can move the cursor or write a line of its own. */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROLS, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** The same for JSON text, which has escaped the controls of C0 already: what is added is JSON as well. */
export function escapeControlsOfJson(json: string): string {
  return json.replaceAll(
    CONTROLS,
    (character) => character < " " ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether a text holds a control that JSON and YAML leave as it is: DEL, C1, and what turns the direction of writing. */
export function hasHiddenControls(text: string): boolean {
  return escapeControlsOfJson(text) !== text;
}
