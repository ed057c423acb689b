/** When a live lease ends, in words. Pure. */
import { formatDuration } from "../duration.ts";
import type { Lease } from "./lease.ts";

/** What ends a lease: `ends with pid 4711`, `ends at 2026-11-23T22:20:36.000Z unless it is renewed`. */
export function endingOf(lease: Pick<Lease, "lifetime" | "state" | "holder" | "listener" | "expiresAt">): string {
  const { lifetime, state, holder, expiresAt } = lease;
  if (lifetime.kind === "pinned") return "ends when it is released";
  if (lifetime.kind === "ttl") return `ends at ${expiresAt} unless it is renewed`;
  // A lease of a process that was imported has none: it follows its server alone.
  if (lifetime.kind === "process" && holder.pid !== null) {
    return expiresAt === null ? `ends with ${processesOf(lease)}` : `ends at ${expiresAt}, as its process has ended`;
  }
  if (expiresAt === null) return `ends ${formatDuration(lifetime.graceMs)} after its server has ended`;
  return `ends at ${expiresAt} unless ${state === "granted" ? "a" : "its"} server listens by then`;
}

/** The processes that must have ended; a server that the holder's process has started may outlive it. */
function processesOf({ state, holder, listener }: Pick<Lease, "state" | "holder" | "listener">): string {
  const server = state === "listening" && listener !== null && listener.pid !== holder.pid ? listener : undefined;
  if (server === undefined) return `pid ${holder.pid}`;
  return `pid ${holder.pid} and its server${server.pid === null ? "" : `, pid ${server.pid}`}`;
}
