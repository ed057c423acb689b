/**
 * What a checker sends to a port, and what portd's temporary listener answers: 24 bytes each, so that an answer is never
 * longer than what asked for it. docs/checker.md describes both. Pure.
 */

/** How many bytes a probe has, and its answer. */
export const PROBE_BYTES = 24;

/** How many bytes a nonce has. */
export const NONCE_BYTES = 16;

/** A nonce as text: 32 hexadecimal digits in lower case. */
export const NONCE_TEXT = /^[0-9a-f]{32}$/;

/** The first eight bytes of each. */
const PROBE_HEAD = new TextEncoder().encode("portd-c1"), ANSWER_HEAD = new TextEncoder().encode("portd-a1");

/** A new random nonce. */
export function makeNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)), hexOf).join("");
}

/** What is sent to a port. @param nonce is {@linkcode NONCE_TEXT}. */
export function probeOf(nonce: string): Uint8Array<ArrayBuffer> {
  return join(PROBE_HEAD, bytesOf(nonce));
}

/**
 * What the listener of this nonce answers: a hash of it, so that a service that sends back what it gets is not taken for
 * that listener.
 *
 * @param nonce is {@linkcode NONCE_TEXT}.
 */
export async function answerOf(nonce: string): Promise<Uint8Array<ArrayBuffer>> {
  const digest = await crypto.subtle.digest("SHA-256", join(ANSWER_HEAD, bytesOf(nonce)));
  return join(ANSWER_HEAD, new Uint8Array(digest, 0, NONCE_BYTES));
}

/** Whether two byte strings are the same. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function bytesOf(nonce: string): Uint8Array {
  return Uint8Array.from({ length: NONCE_BYTES }, (_, i) => parseInt(nonce.slice(2 * i, 2 * i + 2), 16));
}

function join(head: Uint8Array, rest: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + rest.length);
  bytes.set(head);
  bytes.set(rest, head.length);
  return bytes;
}
