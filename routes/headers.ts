/** Headers of every answer: nothing of portd's is to be sniffed, framed or scripted by a browser. */
export const COMMON_HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

const JSON_HEADERS = new Headers({ ...COMMON_HEADERS, "content-type": "application/json" });

/** An answer in JSON. */
export function json(value: unknown, status = 200): Response {
  return jsonText(JSON.stringify(value), status);
}

/** An answer whose JSON is written already. */
export function jsonText(body: string | Uint8Array<ArrayBuffer>, status: number): Response {
  return new Response(body, { status, headers: JSON_HEADERS });
}

/** An answer without content. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: COMMON_HEADERS });
}
