/** Guarding the daemon's address and limiting its connections on each OS: the dispatcher. */
import type { WriteLine } from "../log_line.ts";
import { openLibc } from "../os/linux/libc.ts";
import { guardAddress } from "./linux/address_guard.ts";
import { LinuxCrowd } from "./linux/crowd.ts";

/**
 * Keeps a TCP address on which nobody listens: until the guard is disposed of, no other user can take it, and this user
 * only with SO_REUSEPORT, as `Deno.serve` with `reusePort` does.
 *
 * @throws {Deno.errors.AddrInUse} when another socket is bound to it.
 */
export type GuardAddress = (address: Deno.NetAddr) => Disposable;

/** The guard of this system; `undefined` where an address cannot be guarded. */
export function openAddressGuard(): GuardAddress | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const libc = openLibc();
  return (address) => guardAddress(address, libc);
}

/** The limit of this system; `undefined` where connections can be neither counted nor cut. */
export function openCrowd(log: WriteLine): LinuxCrowd | undefined {
  return Deno.build.os === "linux" ? new LinuxCrowd(openLibc(), log) : undefined;
}
