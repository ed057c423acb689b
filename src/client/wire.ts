/** What goes over the wire beside leases: requests and their answers. docs/api.md tells the limits of each field. */
import type { ActualRule, Rule, RuleEvent } from "../firewall/rule.ts";
import type { LastSync } from "../firewall/sync.ts";
import type { HoldKind } from "../hold/hold.ts";
import type { LeaseEventType, ListenerEventType } from "../lease/events.ts";
import type { Exposure, Lease, LeaseState } from "../lease/lease.ts";
import type { ListedSocket } from "../listener/listener.ts";
import type { PortRange, Protocol } from "../port/port.ts";

/** A lifetime as it is asked for; the daemon's configuration fills in what is absent. Durations in milliseconds. */
export type LifetimeRequest =
  | { readonly kind: "listener"; readonly claimMs?: number; readonly graceMs?: number }
  | { readonly kind: "process"; readonly graceMs?: number }
  | { readonly kind: "ttl"; readonly ttlMs: number }
  | { readonly kind: "pinned" };

/** Where a port is to come from. */
export interface PortRequest {
  /** This port and no other; 0 means any. */
  readonly port?: number;
  /** Ports that are tried in order before the pool. */
  readonly prefer?: readonly number[];
  /** Searched in the place of the pool. */
  readonly range?: PortRange;
  /** `os`: the kernel chooses. @default "default" */
  readonly pool?: "default" | "os";
  /** Both on one number when two are given. @default ["tcp"] */
  readonly protocols?: readonly Protocol[];
  /** `none` for servers that do not set SO_REUSEADDR. @default "soft" */
  readonly hold?: HoldKind;
}

/** One of several services that are leased together. */
export interface ServiceRequest extends PortRequest {
  readonly name: string;
}

/** Body of `POST /leases`; `{}` asks for any TCP port. */
export interface LeaseRequest extends PortRequest {
  /** The service, without its project. */
  readonly name?: string;
  /** Whose service it is. */
  readonly project?: string;
  /** So many single ports. */
  readonly count?: number;
  /** So many contiguous ports. */
  readonly block?: number;
  /** One lease for each, all or none. */
  readonly services?: readonly ServiceRequest[];
  /** Who asks. */
  readonly holder?: { readonly id: string; readonly command?: string; readonly cwd?: string };
  /** A running process as evidence of the holder. */
  readonly pid?: number;
  readonly lifetime?: LifetimeRequest;
  /** Short for a lifetime of kind `ttl`, in milliseconds. */
  readonly ttlMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Reachable from outside from the first moment on; takes the token. */
  readonly exposure?: ExposureRequest;
  /** How long to wait in line when the pool is exhausted, in milliseconds. @default 0 */
  readonly waitMs?: number;
}

/** Body of `PATCH /leases/{id}`; what is absent stays. */
export interface AmendRequest {
  readonly labels?: Readonly<Record<string, string>>;
  readonly lifetime?: LifetimeRequest;
  readonly pid?: number;
}

/** Query of `GET /leases`; what is absent does not filter. */
export interface LeaseFilter {
  /** The whole name, or its last part. */
  readonly name?: string;
  readonly port?: number;
  readonly state?: LeaseState;
  readonly project?: string;
  /** `key:value`. */
  readonly label?: string;
  /** True asks for the history, newest first. @default false */
  readonly ended?: boolean;
  /** Most leases of one page, 1–1000. @default 1000 */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly cursor?: string;
}

/** Answer of `GET /leases`. */
export interface LeasePage {
  readonly leases: readonly Lease[];
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string;
}

/** What `GET /export` answers and `POST /import` takes. */
export interface LeaseDocument {
  readonly version: 1;
  readonly exportedAt?: string;
  readonly leases: readonly Lease[];
  /** Full name → the port it had last. */
  readonly names: Readonly<Record<string, number>>;
}

/** What `GET /status` answers. */
export interface DaemonStatus {
  readonly name: "portd";
  readonly version: string;
  readonly pid: number;
  /** ISO instant. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly stateDir: string;
  /** Whom the daemon runs as; null where that is not known. */
  readonly user: string | null;
  /** Live leases by state, and all of them as `live`. */
  readonly leases: Readonly<Record<string, number>>;
  readonly pool: { readonly size: number; readonly free: number; readonly quarantined: number };
  /** `missing`: leases that should be held and are not, though nobody is known to listen. */
  readonly holds: { readonly kept: number; readonly limit: number; readonly missing: number };
  readonly ephemeral: PortRange;
  readonly warnings: readonly string[];
}

/** What `POST /import` answers. */
export interface ImportOutcome {
  /** Ids. */
  readonly imported: readonly string[];
  readonly skipped: readonly { readonly id: string; readonly code: string; readonly detail: string }[];
}

/** Something that happened to a lease, as the stream tells it. */
export interface LeaseEvent {
  /** Goes on from here when it is given as `lastEventId`. */
  readonly id: string;
  readonly type: LeaseEventType;
  /** ISO instant. */
  readonly at: string;
  /** The lease as it was right after. */
  readonly lease: Lease;
}

/** Somebody has begun to listen on a leased port, or is seen there no more. */
export interface ListenerEvent {
  readonly id: string;
  readonly type: ListenerEventType;
  /** ISO instant. */
  readonly at: string;
  readonly listener: ListedSocket;
}

/** A rule of the firewall was set, taken away, changed by hand, or cannot be set. */
export type FirewallEvent = RuleEvent & {
  readonly id: string;
  /** ISO instant. */
  readonly at: string;
};

/** Some events cannot be had any more: read the leases anew. */
export interface ResetEvent {
  readonly type: "reset";
}

/** Body of `PUT /leases/{id}/exposure`; what is absent has its default. */
export interface ExposureRequest {
  readonly firewall?: Partial<Exposure["firewall"]>;
}

/** What `GET /firewall` and `POST /firewall/sync` answer. */
export interface FirewallStatus {
  /** The firewall that governs the host; null while none was needed. */
  readonly backend: string | null;
  /** From `GET` alone: the rules that are wanted. */
  readonly desired?: readonly Rule[];
  /** From `GET` alone: how the last sync ended; null before the first. */
  readonly last?: LastSync | null;
  /** Why nothing is known of the firewall; null or absent when something is. */
  readonly error?: string | null;
  /** Rules with our mark, before what was done; null when they are not known. */
  readonly actual: readonly ActualRule[] | null;
  /** Names of rules; null when it is not known. */
  readonly difference: {
    readonly add: readonly string[];
    readonly change: readonly string[];
    readonly remove: readonly string[];
  } | null;
  /** Names of rules that were changed or deleted by hand. */
  readonly drifted: readonly string[];
  /** What hinders rules or makes them needless. */
  readonly remarks: readonly string[];
  /** How many rules are others'. */
  readonly foreign: number | null;
}
