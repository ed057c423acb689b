/**
 * A lease: a holder's durable claim on a port. This file is just the types, as they go over the wire and into the
 * file; registry.ts makes and ends leases, pool.ts chooses ports, reclaim.ts decides when a lease is over.
 */
import type { Direction, Profile, RemoteAddress } from "../firewall/rule.ts";
import type { HoldKind } from "../hold/hold.ts";
import type { Protocol } from "../port/port.ts";

/** Live states, in which the lease keeps its port. */
export type LiveState = "granted" | "listening" | "idle" | "conflict";

/** States of a lease that has ended and stands in the history only. */
export type EndedState = "released" | "revoked" | "expired";

export type LeaseState = LiveState | EndedState;

/**
 * How long a lease lives.
 *
 * - `listener`: must be claimed by a listening socket within `claimMs`, then lives while the holder listens, plus
 *   `graceMs`.
 * - `process`: until the holder's process is gone and none of its process tree listens any more, plus `graceMs`.
 * - `ttl`: `ttlMs` from the grant or the last renewal.
 * - `pinned`: until it is released.
 */
export type Lifetime =
  | { readonly kind: "listener"; readonly claimMs: number; readonly graceMs: number }
  | { readonly kind: "process"; readonly graceMs: number }
  | { readonly kind: "ttl"; readonly ttlMs: number }
  | { readonly kind: "pinned" };

/** Whom a lease belongs to. */
export interface Holder {
  /** Chosen by the client; two requests with the same id are the same holder. */
  readonly id: string;
  readonly pid: number | null;
  readonly startTime: string | null;
  readonly bootId: string | null;
  readonly command: string | null;
  readonly cwd: string | null;
  readonly user: string | null;
}

/** Who listens on the leased port. */
export interface LeaseListener {
  readonly pid: number | null;
  /** With pid and boot it is that process and no later one. */
  readonly startTime: string | null;
  readonly bootId: string | null;
  readonly command: string | null;
  readonly cwd: string | null;
  readonly user: string | null;
  /** The local address that it listens on. */
  readonly address: string;
  /** ISO instant at which the watch saw it first. */
  readonly since: string;
  /** Why it is not the holder's, in words; null while it is. */
  readonly reason: string | null;
}

/** The wish that a lease be reachable from outside. */
export interface Exposure {
  /** Rules of the host's firewall; one a protocol. */
  readonly firewall: {
    readonly direction: Direction;
    readonly profiles: readonly Profile[];
    readonly remote: readonly RemoteAddress[];
  };
}

/** A lease as clients see it. */
export interface Lease {
  /** ULID. */
  readonly id: string;
  /** `project/name`, `name`, or null; unique among live leases. */
  readonly name: string | null;
  readonly project: string | null;
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly state: LeaseState;
  readonly holder: Holder;
  readonly lifetime: Lifetime;
  readonly hold: HoldKind;
  readonly labels: Readonly<Record<string, string>>;
  /** The wish that the lease be reachable from outside; null while there is none. */
  readonly exposure: Exposure | null;
  readonly listener: LeaseListener | null;
  readonly grantedAt: string;
  readonly renewedAt: string;
  /** When it ends if nothing changes; null when nothing ends it by time. */
  readonly expiresAt: string | null;
  /** When it ended; null while it lives. */
  readonly endedAt: string | null;
}

/** Whether a state is one in which the lease keeps its port. */
export function isLive(state: LeaseState): state is LiveState {
  return state === "granted" || state === "listening" || state === "idle" || state === "conflict";
}
