/** Headers of every answer: nothing of portd's is to be sniffed, framed, scripted or kept by a browser. */
export const COMMON_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
} as const;

/** Headers of an answer in JSON. */
export const JSON_HEADERS = { ...COMMON_HEADERS, "content-type": "application/json" } as const;

/** An answer in JSON. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = JSON_HEADERS): Response {
  return new Response(JSON.stringify(value), { status, headers });
}

/** An answer without content. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: COMMON_HEADERS });
}
