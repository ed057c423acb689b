/** What goes over the wire besides leases: requests and their answers. docs/api.md has the limits of each field. */
import type { ErrorData } from "../errors.ts";
import type { LastSync, RuleWithState } from "../firewall/plan.ts";
import type { ActualRule, Difference, RuleEvent } from "../firewall/rule.ts";
import type { MappingEvent } from "../gateway/mapping.ts";
import type { LeaseEventType, ListenerEventType } from "../lease/events.ts";
import type { Exposure, GatewayExposure, Holder, Lease, LeaseCriteria, Lifetime } from "../lease/lease.ts";
import type { Wish } from "../lease/wish.ts";
import type { LineEvent as LineChange } from "../line/line.ts";
import type { ListedSocket } from "../listener/listener.ts";
import type { Wsl } from "../os/linux/wsl.ts";
import type { PortRange } from "../port/port.ts";
import type { ProcessIdentity } from "../process/process.ts";

export type { Adapter, AdapterAddress, InternetRoute, NetworkFacts } from "../adapters/adapters.ts";
export type { LayerResult, ReachReport, ReachRequest } from "../reach/reach.ts";
export type { GatewaySide, GatewayStatus, Mapping, MappingState } from "../gateway/mapping.ts";
export type { Activity } from "../lease/activity.ts";
export type { MapState, PortMap } from "../inspect/port_map.ts";
export type { Line, PortSet, StunSample } from "../line/line.ts";
export type { ImportOutcome, LeaseDocument } from "../lease/lease_document.ts";

/** The members of a problem document that are read; all others are data. */
export interface ProblemMembers {
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
}

/** A problem document, RFC 9457. */
export type Problem = ErrorData & ProblemMembers & { readonly [member: string]: unknown };

/** The same members, each of which may be absent. */
type Optional<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

/** A time of a lifetime that the configuration has. */
type DefaultTime = "claimMs" | "graceMs";

type WithDefaultTimes<Kind> = Kind extends Lifetime
  ? Omit<Kind, DefaultTime> & Optional<Pick<Kind, Extract<keyof Kind, DefaultTime>>>
  : never;

/** A lifetime as it is asked for: the daemon's configuration has the times that are absent. Durations in milliseconds. */
export type LifetimeRequest = WithDefaultTimes<Lifetime>;

/** Where a port comes from. In a request port 0 is any; the protocols are `["tcp"]` and the hold is `soft` by default. */
export type PortRequest = Optional<Omit<Wish, "name" | "lowest" | "isCut" | "listening">>;

/** One of several services that are leased together. */
export type ServiceRequest = PortRequest & { readonly name: string };

/** Body of `POST /leases`; `{}` asks for any TCP port. */
export interface LeaseRequest extends PortRequest {
  /** The service, without its project. */
  readonly name?: Lease["name"] | undefined;
  readonly project?: Lease["project"] | undefined;
  /** How many single ports. */
  readonly count?: number | undefined;
  /** How many contiguous ports. */
  readonly block?: number | undefined;
  /** One lease for each, all or none. */
  readonly services?: readonly ServiceRequest[] | undefined;
  readonly holder?: Pick<Holder, "id"> & Optional<Pick<Holder, "command" | "cwd">> | undefined;
  /** A running process as evidence of the holder. */
  readonly pid?: number | undefined;
  readonly lifetime?: LifetimeRequest | undefined;
  /**
   * The port may be in use: the process that listens on it becomes the holder's, and the lease lives as long as it, unless
   * `lifetime` says otherwise. Needs `port` and the token. @default false
   */
  readonly inUse?: boolean | undefined;
  /** Short for a lifetime of kind `ttl`, in milliseconds. */
  readonly ttlMs?: number | undefined;
  readonly labels?: Lease["labels"] | undefined;
  /** Reachable from outside from the beginning; takes the token. */
  readonly exposure?: ExposureRequest | undefined;
  /** How long to wait in the queue when the pool is exhausted, in milliseconds. @default 0 */
  readonly waitMs?: number | undefined;
}

/** Body of `PATCH /leases/{id}`; what is absent stays. */
export type AmendRequest = Pick<LeaseRequest, "labels" | "lifetime" | "pid">;

/** Body of `POST /leases/{id}/renew`. */
export type RenewRequest = Pick<LeaseRequest, "ttlMs">;

/** Body of `PUT /leases/{id}/exposure`; what is absent has its default. */
export interface ExposureRequest {
  readonly firewall?: Optional<Exposure["firewall"]> | undefined;
  /** Null or absent leaves the router alone; `{}` asks it for any port of its IPv4 address. */
  readonly gateway?: Optional<GatewayExposure> | null | undefined;
}

/** Body of `POST /leases/{id}/free`: the processes that may be ended, as `GET /ports/{port}` has shown them. */
export interface FreeRequest {
  readonly processes: readonly ProcessIdentity[];
}

/** Query of `GET /leases`. */
export interface LeaseFilter extends LeaseCriteria {
  /** `key=value`. */
  readonly label?: string | undefined;
  /** True asks for the history, newest first. @default false */
  readonly ended?: boolean | undefined;
  /** How many leases a page has at most, 1–1000. @default 1000 */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** Answer of `GET /leases`. */
export interface LeasePage {
  readonly leases: readonly Lease[];
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string;
}

/** Answer of `GET /status`. */
export interface DaemonStatus {
  readonly name: "portd";
  readonly version: string;
  readonly pid: number;
  /** ISO instant. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly stateDir: string;
  /** The user as whom the daemon runs; null when that is not known. */
  readonly user: string | null;
  /** Live leases by state, and all of them as `live`. */
  readonly leases: Readonly<Record<string, number>>;
  readonly pool: { readonly size: number; readonly free: number; readonly quarantined: number };
  /** `missing`: leases that should have a hold and have none, though nobody is known to listen. */
  readonly holds: { readonly kept: number; readonly limit: number; readonly missing: number };
  readonly ephemeral: PortRange;
  /** What WSL the daemon runs in; null where it is none, absent from an older daemon. */
  readonly wsl?: Wsl | null;
  readonly warnings: readonly string[];
}

/** Answer of `POST /dashboard/codes`. */
export interface DashboardCode {
  /** Opens one session of the dashboard: `#code=…` at the end of its address. */
  readonly code: string;
  /** ISO instant. */
  readonly expiresAt: string;
}

/** What every event on the stream has. */
interface EventHead<Type> {
  /** The stream continues after this event when the id is given as `lastEventId`. */
  readonly id: string;
  readonly type: Type;
  /** ISO instant. */
  readonly at: string;
}

/** Something that happened to a lease. */
export interface LeaseEvent extends EventHead<LeaseEventType> {
  /** The lease right after. */
  readonly lease: Lease;
}

/** A listener on a leased port is seen for the first time, or is not seen any more. */
export interface ListenerEvent extends EventHead<ListenerEventType> {
  readonly listener: ListedSocket;
}

/** A firewall rule was set, removed, changed by hand, or cannot be set. */
export type FirewallEvent = RuleEvent & EventHead<RuleEvent["type"]>;

/** A mapping was made, renewed, lost, removed, or cannot be made. */
export type GatewayEvent = MappingEvent & EventHead<MappingEvent["type"]>;

/** The line's verdict, or its ports, have changed. */
export type LineEvent = LineChange & EventHead<LineChange["type"]>;

/** Body of `POST /line/sample`. */
export interface LineSampleRequest {
  /** At most four, like `stun.example.org:3478`. @default those of the configuration */
  readonly servers?: readonly string[] | undefined;
}

/** Some events are lost: read the leases again. */
export interface ResetEvent {
  readonly type: "reset";
  /** The stream continues after this event. */
  readonly id: string;
  /** How many are lost; null where that is not known: the daemon was restarted, or the place was never known. */
  readonly missed: number | null;
}

/** Query of `GET /events`. */
export interface EventsFilter {
  /** The stream continues after this event; without it the stream begins now. */
  readonly lastEventId?: string | undefined;
  /** Without a `lastEventId` the stream begins with the oldest event that is kept. @default false */
  readonly replay?: boolean | undefined;
  /** False ends the stream behind what has happened until now. @default true */
  readonly follow?: boolean | undefined;
}

/** What the stream of events has. */
export type AnyEvent = LeaseEvent | ListenerEvent | FirewallEvent | GatewayEvent | LineEvent | ResetEvent;

/** Answer of `GET /firewall` and `POST /firewall/sync`. */
export interface FirewallStatus {
  /** The firewall that governs the host; null while none was needed. */
  readonly backend: string | null;
  /** Only from `POST`: whether nothing was changed. */
  readonly dryRun?: boolean;
  /** Only from `GET`: the rules that are wanted, each with its state. */
  readonly desired?: readonly RuleWithState[];
  /** Only from `GET`: how the last sync ended; null before the first. */
  readonly last?: LastSync | null;
  /** Why the firewall cannot be read; null or absent where it can. */
  readonly error?: string | null;
  /** Only from `GET`: whether the daemon has no rights to change the firewall. */
  readonly lacksRights?: boolean;
  /** Rules with our mark, as they were before the call; null when they are not known. */
  readonly actual: readonly ActualRule[] | null;
  /** Names of rules; null when they are not known. */
  readonly difference: { readonly [Change in keyof Difference]: readonly string[] } | null;
  /** Names of rules that were changed or deleted by hand. */
  readonly drifted: readonly string[];
  /** What keeps rules from working, or makes them needless. */
  readonly remarks: readonly string[];
  /** How many rules belong to others. */
  readonly foreign: number | null;
}
