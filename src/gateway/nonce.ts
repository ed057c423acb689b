/** PCP's mapping nonce as text (RFC 6887 section 11.1). */

/** A new one: 24 random hexadecimal digits. */
export function newNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
