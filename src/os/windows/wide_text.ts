/** Texts of Windows: UTF-16 code units. Pure. */

/** A text for Windows, with a NUL at its end. */
export function wideText(text: string): Uint16Array<ArrayBuffer> {
  return Uint16Array.from({ length: text.length + 1 }, (_, i) => i < text.length ? text.charCodeAt(i) : 0);
}

/** The same as bytes. */
export function wideBytes(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(wideText(text).buffer);
}

/** A text from Windows. */
export function textOfWide(bytes: Uint8Array): string {
  return new TextDecoder("utf-16le").decode(bytes);
}
