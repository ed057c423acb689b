/** Keeping an address for this user while its listener comes and goes: the types and the dispatcher. */
import { openLibc } from "../ffi/libc.ts";
import { LinuxAddressGuards } from "./linux/address_guard.ts";

/** Keeps addresses. */
export interface AddressGuards {
  /**
   * Keeps a TCP address on which nobody listens: until the guard is disposed of, no other user can take it, and this
   * user only with SO_REUSEPORT, as `Deno.serve` with `reusePort` does.
   *
   * @throws {Deno.errors.AddrInUse} when another socket is bound to it.
   */
  guard(address: Deno.NetAddr): Disposable;
}

/** The guards of this system; `undefined` where it has no such means. */
export function openAddressGuards(): AddressGuards | undefined {
  return Deno.build.os === "linux" ? new LinuxAddressGuards(openLibc()) : undefined;
}
