/** What a grant is asked for: the types between the edge, which checks and fills in defaults, and the registry. */
import type { HoldKind } from "../hold/hold.ts";
import type { PortRange, Protocol } from "../port/port.ts";
import type { Exposure, Holder, Lease, Lifetime } from "./lease.ts";

/** One port that is asked for. */
export interface Wish extends Pick<Lease, "protocols"> {
  /** Full name of the lease (`project/name`), or null. */
  readonly name: string | null;
  /** This port and no other; absent for any. */
  readonly port?: number;
  /** Ports that are tried in order before the pool. */
  readonly prefer: readonly number[];
  /** Searched instead of the pool. */
  readonly range?: PortRange;
  /** `os`: the kernel chooses. */
  readonly pool: "default" | "os";
  /** Absent lets a live lease keep its own, and gives a new one `soft`. */
  readonly hold?: HoldKind;
  /** Below this port the name's last one is not granted, unless it is in the pool. @default 0 */
  readonly lowest?: number;
  /** Whether ports below `lowest` were removed from `range`. @default false */
  readonly isCut?: boolean;
  /** The protocols on which the holder listens on `port` already: there the kernel's refusal is no obstacle. @default none */
  readonly listening?: readonly Protocol[];
}

/** A request for one port or several, all or none. */
export interface GrantRequest extends Pick<Lease, "project"> {
  /** At least one. */
  readonly wishes: readonly Wish[];
  /** The wishes are for contiguous ports; the first wish says where. */
  readonly contiguous: boolean;
  /** The user for whom the leases count (`uid:1000`), `unknown`, or null where they are not counted. */
  readonly owner: string | null;
  readonly holder: Pick<Holder, "command" | "cwd"> & { readonly id: string | null };
  /** A running process as evidence of the holder. */
  readonly pid: number | null;
  /** `undefined` lets a live lease keep its own, and a new one take the default. */
  readonly lifetime: Lifetime | undefined;
  /** `undefined` lets a live lease keep its own, and gives a new one none. */
  readonly labels: Lease["labels"] | undefined;
  /** Likewise. */
  readonly exposure: Exposure | undefined;
  /** Whether the caller has the scope `expose`: only then holder and lifetime of an exposed lease change. */
  readonly mayExpose: boolean;
  /** How long to wait in the queue when the pool is exhausted, in milliseconds. */
  readonly waitMs: number;
}
