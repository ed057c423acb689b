/** All about one port, as `GET /ports/{n}` tells it. This file is just the types; describe.ts puts them together. */
import type { Rule } from "../firewall/rule.ts";
import type { RuleState } from "../firewall/sync.ts";
import type { Lease } from "../lease/lease.ts";
import type { ListedSocket } from "../listener/listener.ts";
import type { PortClass } from "../port/iana.ts";
import type { PortRange, Protocol } from "../port/port.ts";
import type { RegisteredService } from "../port/services.ts";

/** What a port is to portd at this moment, in a word; `bound` is in use by a socket that does not listen. */
export type Verdict = "free" | "leased" | "listening" | "conflict" | "excluded" | "bound";

/** Why a port is not granted dynamically. */
export interface Exclusion extends PortRange {
  /** The configuration's `exclude`, or Windows (Hyper-V, WinNAT, an administrator). */
  readonly by: "configuration" | "windows";
  readonly protocols: readonly Protocol[];
}

/** A process that a listener descends from. */
export interface Ancestor {
  readonly pid: number;
  readonly command: string | null;
}

/** A socket on the port, with more about its process than a list tells. */
export interface PortSocket extends ListedSocket {
  /** Start time of the process, in the words of its OS; with pid and boot it is that process and no later one. */
  readonly startTime: string | null;
  /** The boot during which the process runs: tells a client whether it is a process of its own machine. */
  readonly bootId: string | null;
  /** The start as an ISO instant in UTC. */
  readonly startedAt: string | null;
  /** Why a listener on a leased port is not the holder's, in words; null otherwise. */
  readonly reason: string | null;
  /** From the parent upwards. */
  readonly ancestors: readonly Ancestor[];
}

/** A rule that a lease wants. */
export interface PortRule extends Rule {
  readonly state: RuleState;
}

/** All about one port. */
export interface PortDescription {
  readonly port: number;
  readonly class: PortClass;
  readonly verdict: Verdict;
  /** The verdict for a person. */
  readonly sentence: string;
  /** What a person may do about it, one sentence or command each. */
  readonly advice: readonly string[];
  readonly services: readonly RegisteredService[];
  /** What developers use it for by habit; null when nothing is known. */
  readonly developmentUse: string | null;
  /** Whether listening on it takes an administrator's rights. */
  readonly privileged: boolean;
  /** Whether the pool has it. */
  readonly pooled: boolean;
  /** Whether it is withheld for a while: it was freed a moment ago, or a stranger was on it. */
  readonly quarantined: boolean;
  /** Whether the OS hands it out by itself. */
  readonly ephemeral: boolean;
  /** Whether it lies in the ephemeral range, yet the OS was told not to hand it out (`ip_local_reserved_ports`). */
  readonly reserved: boolean;
  readonly exclusions: readonly Exclusion[];
  /** The live leases of the port: one, or one a protocol. */
  readonly leases: readonly Lease[];
  /** The rules that its leases want in the host's firewall, each as it stood after the last sync. */
  readonly rules: readonly PortRule[];
  /** Who listens on it: of a holder's socket that several of his processes share, each of them. */
  readonly listeners: readonly PortSocket[];
  /** All other sockets whose local port it is. */
  readonly connections: readonly PortSocket[];
}
