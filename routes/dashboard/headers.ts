/** Headers of the dashboard: what its page may do in a browser, and what other pages may do with it. */

/** Scripts, styles and requests of our own origin; nothing inline, no frames, no forms that are sent. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const ISOLATION = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** Headers of every page. */
export const PAGE_HEADERS = {
  ...ISOLATION,
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
  vary: "Accept, Accept-Language, Sec-Fetch-Site",
} as const;

/** Headers of the files that the page loads; their path changes with their content. */
export const ASSET_HEADERS = {
  ...ISOLATION,
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "public, max-age=31536000, immutable",
} as const;
