/** Addresses of buffers. */

/**
 * The address at which C sees a buffer, for structures that point into themselves. To be called before the call that
 * fills the buffer: a small buffer is on the heap of JavaScript until its address is taken, and then moves.
 */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
}
