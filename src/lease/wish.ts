/** What a grant is asked for: the types between the edge, which checks and fills in defaults, and the registry. */
import type { HoldKind } from "../hold/hold.ts";
import type { PortRange, Protocol } from "../port/port.ts";
import type { Exposure, Lifetime } from "./lease.ts";

/** One port that is wished for. */
export interface Wish {
  /** Full name of the lease (`project/name`), or null. */
  readonly name: string | null;
  /** This port and no other. */
  readonly port?: number;
  /** Ports tried in order before the pool. */
  readonly prefer: readonly number[];
  /** Searched in the place of the pool. */
  readonly range?: PortRange;
  /** `os`: the kernel chooses. */
  readonly pool: "default" | "os";
  readonly protocols: readonly Protocol[];
  readonly hold: HoldKind;
  /** Below this port the name's last one is not granted, unless the pool has it. @default 0 */
  readonly lowest?: number;
}

/** A request for one port or several, all or none. */
export interface GrantRequest {
  readonly project: string | null;
  /** At least one. */
  readonly wishes: readonly Wish[];
  /** The wishes are for contiguous ports; the first wish says where. */
  readonly contiguous: boolean;
  /** The user for whom the leases count (`uid:1000`), `unknown`, or null where nothing is to be counted. */
  readonly owner: string | null;
  readonly holder: { readonly id: string | null; readonly command: string | null; readonly cwd: string | null };
  /** A running process as evidence of the holder. */
  readonly pid: number | null;
  /** `undefined` lets a live lease keep its own, and a new one take the default. */
  readonly lifetime: Lifetime | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** `undefined` lets a live lease keep its own, and gives a new one none. */
  readonly exposure: Exposure | undefined;
  /** Whether the caller has the scope `expose`: only then holder and lifetime of an exposed lease change. */
  readonly mayExpose: boolean;
  /** How long to wait in line when the pool is exhausted, in milliseconds. */
  readonly waitMs: number;
}
