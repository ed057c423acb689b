/** Texts for Windows: UTF-16 code units. */

/** A text with the NUL behind it that C wants. */
export function wideText(text: string): Uint16Array<ArrayBuffer> {
  return Uint16Array.from({ length: text.length + 1 }, (_, i) => i < text.length ? text.charCodeAt(i) : 0);
}
