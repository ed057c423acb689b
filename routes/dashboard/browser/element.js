// @ts-check
/**
 * Elements as data: what a view returns. The server makes HTML of them (render.ts), the browser nodes (dom.js), so each
 * view is written once.
 */

/**
 * @typedef {string | number | boolean | null | undefined} Attribute
 * @typedef {Readonly<Record<string, Attribute>>} Attributes A false, null or absent value leaves the attribute out.
 * @typedef {{ readonly tag: string, readonly attributes: Attributes, readonly children: readonly Child[] }} Element
 * @typedef {string | number | Element | false | null | undefined} Leaf Text is shown as it is.
 * @typedef {Leaf | readonly Leaf[] | readonly (Leaf | readonly Leaf[])[]} Child
 */

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {Attributes} attributes are those of HTML by their names there. Handlers of events are none of them: dom.js has
 * one for all.
 * @param {readonly Child[]} children
 * @returns {Element}
 */
export function h(tag, attributes = {}, ...children) {
  return { tag, attributes, children };
}

/** Control characters, and those that change the direction of writing; as in src/escape.ts. */
// deno-lint-ignore no-control-regex -- it is about control characters
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Text from outside: a name, a command, a folder, a user. Control characters are made visible, and text that is written
 * from right to left does not reorder what stands beside it.
 *
 * @param {string} text
 * @returns {Element}
 */
export function foreign(text) {
  return h("bdi", {}, visible(text));
}

/**
 * The same text with its control characters as escapes, such as `\x1b` and `\u202e`.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replaceAll(CONTROLS, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}
