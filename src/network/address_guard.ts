/** Keeping an address for this user while nobody listens on it: the types. open.ts opens it. */

/** Guards addresses. */
export interface AddressGuards {
  /**
   * Keeps a TCP address on which nobody listens: until the guard is disposed of, no other user can take it, and this
   * user only with SO_REUSEPORT, as `Deno.serve` with `reusePort` does.
   *
   * @throws {Deno.errors.AddrInUse} when another socket is bound to it.
   */
  guard(address: Deno.NetAddr): Disposable;
}
