/**
 * A lease: a holder's durable claim on a port. This file is just the types, as clients see them; record.ts has the form
 * in the file. registry.ts makes and ends leases, pool.ts chooses ports, reclaim.ts decides when a lease ends.
 */
import type { Direction, Profile, RemoteAddress } from "../firewall/rule.ts";
import type { HoldKind } from "../hold/hold.ts";
import type { Protocol } from "../port/port.ts";
import type { ProcessEvidence } from "../process/process.ts";

/** States in which a lease keeps its port. */
export const LIVE_STATES = ["granted", "listening", "idle", "conflict"] as const;

/** States of a lease that has ended and is in the history only. */
export const ENDED_STATES = ["released", "revoked", "expired"] as const;

/** All states. */
export const LEASE_STATES = [...LIVE_STATES, ...ENDED_STATES] as const;

/** The state of a live lease. */
export type LiveState = (typeof LIVE_STATES)[number];

/** The state of an ended lease. */
export type EndedState = (typeof ENDED_STATES)[number];

/** The state of a lease. */
export type LeaseState = (typeof LEASE_STATES)[number];

/**
 * How long a lease lives. Durations in milliseconds.
 *
 * - `listener`: must be claimed by a listening socket within `claimMs`, then lives while the holder listens, plus
 *   `graceMs`.
 * - `process`: until the holder's process has ended and none of its process tree listens any more, plus `graceMs`.
 * - `ttl`: `ttlMs` from the grant or the last renewal.
 * - `pinned`: until it is released.
 */
export type Lifetime =
  | { readonly kind: "listener"; readonly claimMs: number; readonly graceMs: number }
  | { readonly kind: "process"; readonly graceMs: number }
  | { readonly kind: "ttl"; readonly ttlMs: number }
  | { readonly kind: "pinned" };

/** The kinds of lifetimes. */
export const LIFETIME_KINDS = ["listener", "process", "ttl", "pinned"] as const satisfies readonly Lifetime["kind"][];

/** Who has a lease, with a process as evidence where one is known. */
export interface Holder extends ProcessEvidence {
  /** Chosen by the client; two requests with the same id are from the same holder. */
  readonly id: string;
}

/** The process that listens on the leased port. */
export interface LeaseListener extends ProcessEvidence {
  /** The local address on which it listens. */
  readonly address: string;
  /** ISO instant at which the watch saw it first. */
  readonly since: string;
  /** Why it is not the holder's, in words; null when it is. */
  readonly reason: string | null;
}

/** The wish that the router forward the port of a lease, or open a pinhole for it. */
export interface GatewayExposure {
  /** The external port of IPv4: only this one, or null for any that the line can have. */
  readonly externalPort: number | null;
  /** Whether the router forwards a port of its IPv4 address. */
  readonly ipv4: boolean;
  /** Whether the router's IPv6 firewall has a pinhole to this host's own address and port. */
  readonly ipv6: boolean;
  /** For how long each mapping is asked for; it is renewed at half of that. In milliseconds. */
  readonly lifetimeMs: number;
}

/** The wish that a lease be reachable from outside. */
export interface Exposure {
  /** Rules of the host's firewall; one for each protocol. */
  readonly firewall: {
    readonly direction: Direction;
    readonly profiles: readonly Profile[];
    readonly remote: readonly RemoteAddress[];
  };
  /** Mappings of the router, one for each protocol and family; null where the router is left alone. */
  readonly gateway: GatewayExposure | null;
}

/** A lease as clients see it. */
export interface Lease {
  /** ULID. */
  readonly id: string;
  /** `project/name`, `name`, or null; unique among live leases. */
  readonly name: string | null;
  readonly project: string | null;
  readonly port: number;
  /** One or two; both are on the same port number. */
  readonly protocols: readonly Protocol[];
  readonly state: LeaseState;
  readonly holder: Holder;
  readonly lifetime: Lifetime;
  readonly hold: HoldKind;
  readonly labels: Readonly<Record<string, string>>;
  /** The wish that the lease be reachable from outside; null when there is none. */
  readonly exposure: Exposure | null;
  /** Of an ended lease, the holder's listener that was there at its end. */
  readonly listener: LeaseListener | null;
  /** ISO instant, as are the others. */
  readonly grantedAt: string;
  readonly renewedAt: string;
  /** When it ends if nothing changes; null when no time is set. */
  readonly expiresAt: string | null;
  /** When it ended; null while it lives. */
  readonly endedAt: string | null;
}

/** Which leases are wanted; what is absent does not filter. */
export interface LeaseCriteria {
  /** The whole name, or its last part. */
  readonly name?: string | undefined;
  readonly project?: string | undefined;
  readonly port?: number | undefined;
  readonly state?: LeaseState | undefined;
}

/** Whether a lease in this state keeps its port. */
export function isLive(state: LeaseState): state is LiveState {
  return (LIVE_STATES as readonly LeaseState[]).includes(state);
}
