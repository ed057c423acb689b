/** Headers of every answer: a browser must not sniff, frame or script any answer. */
export const COMMON_HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

const JSON_FIELDS = { ...COMMON_HEADERS, "content-type": "application/json" } as const;
const JSON_HEADERS = new Headers(JSON_FIELDS);

/** An answer in JSON. @param headers are those beside the common ones. */
export function json(value: unknown, status = 200, headers?: Readonly<Record<string, string>>): Response {
  if (headers === undefined) return jsonText(JSON.stringify(value), status);
  return new Response(JSON.stringify(value), { status, headers: { ...JSON_FIELDS, ...headers } });
}

/** An answer whose JSON is written already. */
export function jsonText(body: string | Uint8Array<ArrayBuffer>, status: number): Response {
  return new Response(body, { status, headers: JSON_HEADERS });
}

/** An answer without content. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: COMMON_HEADERS });
}
