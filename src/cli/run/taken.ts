/**
 * Whether something listens on the port of a lease although the command has ended. The command's stderr could say so, but
 * only through a pipe, and without a terminal the command would have no colours, progress bars and prompts. So we bind
 * the port.
 */
import type { Holds } from "../../hold/hold.ts";
import type { Lease } from "../../lease/lease.ts";
import { errnoOf } from "./errno.ts";

/** Whether something listens on the TCP port of a lease. */
export type IsTaken = (lease: Pick<Lease, "port" | "protocols">) => boolean;

/**
 * Linux: listens for a moment. The daemon's hold does not prevent that: it never listens, and like us it sets
 * SO_REUSEADDR.
 */
export function isTakenByListening({ port, protocols }: Parameters<IsTaken>[0]): boolean {
  if (!protocols.includes("tcp")) return false;
  return ["0.0.0.0", "::", "127.0.0.1", "::1"].some((hostname) => {
    try {
      Deno.listen({ hostname, port }).close();
      return false;
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return true;
      // This machine does not have the address family, or we may not bind the port: then we do not know.
      if (["EADDRNOTAVAIL", "EAFNOSUPPORT", "EACCES"].includes(errnoOf(error))) return false;
      throw error;
    }
  });
}

/**
 * Windows and macOS, where the daemon holds nothing: its probe, which does not listen, so that no firewall asks. On
 * Windows a port that the system has taken for itself since the grant counts as taken too.
 */
export function isTakenByProbe(holds: Pick<Holds, "claim">): IsTaken {
  return ({ port, protocols }) =>
    protocols.includes("tcp") &&
    holds.claim(port, { protocols: ["tcp"], hold: "none", named: true }).obstacle?.reason === "in_use";
}
