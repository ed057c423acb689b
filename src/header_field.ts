/** Lines of an HTTP head (RFC 9112 section 5). Pure; total; reads each character a bounded number of times. */

/** A field of a head. */
export interface HeaderField {
  /** As it was written. */
  readonly name: string;
  /** Without the blanks and tabs around it. */
  readonly value: string;
}

/**
 * Splits a line at its first colon. No regular expression trims the value: one with `[ \t]*(.*?)[ \t]*$` takes minutes for
 * a few thousand blanks, if the line cannot match in the end.
 *
 * @returns `undefined` for a line without a colon, or with nothing before it.
 */
export function splitField(line: string): HeaderField | undefined {
  const colon = line.indexOf(":");
  return colon < 1 ? undefined : { name: line.slice(0, colon), value: withoutBlanks(line.slice(colon + 1)) };
}

function withoutBlanks(text: string): string {
  let begin = 0, end = text.length;
  while (begin < end && isBlank(text[begin])) begin++;
  while (end > begin && isBlank(text[end - 1])) end--;
  return text.slice(begin, end);
}

function isBlank(sign: string | undefined): boolean {
  return sign === " " || sign === "\t";
}
