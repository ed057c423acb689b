/** What the browser code asks for again and again, beside the leases: the types. overview.ts and strangers.ts read it. */
import type { DaemonStatus, GatewayStatus, Line } from "../../src/client/wire.ts";
import type { RuleWithState } from "../../src/firewall/plan.ts";
import type { Protocol } from "../../src/port/port.ts";

/** The state of everything but leases and listeners. Reading it asks neither the firewall nor the router. */
export interface Overview {
  readonly status: DaemonStatus;
  readonly firewall: {
    /** Null while none was needed. */
    readonly backend: string | null;
    /** The rules that leases want, as they stood after the last sync. */
    readonly rules: readonly Pick<RuleWithState, "protocol" | "port" | "state">[];
  };
  readonly gateway: GatewayStatus;
  readonly line: Line;
}

/** Who listens on a port that nobody leases: one process, on all its addresses. */
export interface Stranger {
  readonly port: number;
  readonly protocol: Protocol;
  readonly addresses: readonly string[];
  /** Null where the daemon may not see the process. */
  readonly pid: number | null;
  readonly command: string | null;
  readonly user: string | null;
  /** Whether it is in the way: the pool has the port and cannot grant it now. */
  readonly pooled: boolean;
  /** The name that had this port last and would get another one now; null where there is none. */
  readonly name: string | null;
}

/** The listeners without a lease. */
export interface Strangers {
  /** Those that are in the way first, then by port; at most 500. */
  readonly listeners: readonly Stranger[];
  /** How many there are. */
  readonly total: number;
  /** How many of them are in the way. */
  readonly collisions: number;
}
