/** Guarding the daemon's address and limiting its connections on each OS: the dispatcher. */
import { openLibc } from "../os/linux/libc.ts";
import type { AddressGuards } from "./address_guard.ts";
import type { Crowd } from "./crowd.ts";
import { LinuxAddressGuards } from "./linux/address_guard.ts";
import { LinuxCrowd } from "./linux/crowd.ts";

/** The guards of this system; `undefined` where an address cannot be guarded. */
export function openAddressGuards(): AddressGuards | undefined {
  return Deno.build.os === "linux" ? new LinuxAddressGuards(openLibc()) : undefined;
}

/** The crowd of this system; `undefined` where connections can be neither counted nor cut. */
export function openCrowd(log: (line: string) => void): Crowd | undefined {
  return Deno.build.os === "linux" ? new LinuxCrowd({ libc: openLibc(), log }) : undefined;
}
