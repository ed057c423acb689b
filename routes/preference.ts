/** What a client prefers of an answer: the header `Prefer` of RFC 7240. */

/** The header of an answer that follows `Prefer: return=minimal`. */
export const MINIMAL_APPLIED = { "preference-applied": "return=minimal" } as const;

const QUOTED_OR_TOKEN = /^\s*return\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i;

/**
 * Whether a request prefers a short answer. Of several preferences named `return` the first counts; other preferences
 * and other values are ignored, as RFC 7240 section 2 asks for.
 */
export function prefersMinimal({ headers }: Request): boolean {
  const header = headers.get("prefer");
  if (header === null) return false;
  for (const preference of header.split(",")) {
    const [, quoted, token] = QUOTED_OR_TOKEN.exec(preference) ?? [];
    const value = quoted ?? token;
    if (value !== undefined) return value.toLowerCase() === "minimal";
  }
  return false;
}
