/** Addresses of buffers. */

/**
 * Where C sees a buffer, for structures that point into themselves. To be asked before the call that fills the buffer: a
 * small one may lie in the heap of JavaScript until somebody asks, and moves then.
 */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
}
