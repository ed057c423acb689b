/** The description of one port, as `GET /ports/{n}` answers it. This file is just the types; describe.ts does the work. */
import type { RuleWithState } from "../firewall/plan.ts";
import type { Lease } from "../lease/lease.ts";
import type { ListedSocket } from "../listener/listener.ts";
import type { PortClass, PortRange, Protocol, RegisteredService } from "../port/port.ts";
import type { PossibleIdentity, Process } from "../process/process.ts";

/** What a port is at this moment; `bound` is in use by a socket that does not listen. */
export const VERDICTS = ["free", "leased", "listening", "conflict", "excluded", "bound"] as const;

/** One of them. */
export type Verdict = (typeof VERDICTS)[number];

/** Why a port is not granted dynamically. */
export interface Exclusion extends PortRange {
  /** `exclude` in the configuration, or Windows (Hyper-V, WinNAT, an administrator). */
  readonly by: "configuration" | "windows";
  readonly protocols: readonly Protocol[];
}

/**
 * A socket on the port, with more about its process than a list has. By the boot a client also sees whether the process
 * runs on its own machine.
 */
export interface PortSocket extends ListedSocket, PossibleIdentity {
  /** The start as an ISO instant in UTC. */
  readonly startedAt: string | null;
  /** Why a listener on a leased port is not the holder's, in words; null otherwise. */
  readonly reason: string | null;
  /** The processes that a listener descends from, its parent first. */
  readonly ancestors: readonly Pick<Process, "pid" | "command">[];
}

/** All about one port. */
export interface PortDescription {
  readonly port: number;
  readonly class: PortClass;
  readonly verdict: Verdict;
  /** The verdict for a person. */
  readonly sentence: string;
  /** What a person can do about it, one sentence or command each. */
  readonly advice: readonly string[];
  readonly services: readonly RegisteredService[];
  /** What developers often use it for; null when nothing is known. */
  readonly developmentUse: string | null;
  /** Whether listening on it takes an administrator's rights. */
  readonly privileged: boolean;
  /** Whether it is in the pool. */
  readonly pooled: boolean;
  /** Whether it is withheld for a while: it was freed a moment ago, or somebody else used it. */
  readonly quarantined: boolean;
  /** Whether the OS hands it out by itself. */
  readonly ephemeral: boolean;
  /** Whether it is in the ephemeral range, but the OS does not hand it out (`ip_local_reserved_ports`). */
  readonly reserved: boolean;
  readonly exclusions: readonly Exclusion[];
  /** The live leases of the port: one, or one for each protocol. */
  readonly leases: readonly Lease[];
  /** The rules that its leases want in the host's firewall, each as it stood after the last sync. */
  readonly rules: readonly RuleWithState[];
  /** Who listens on it: of a holder's socket that several of its processes share, each of them. */
  readonly listeners: readonly PortSocket[];
  /** All other sockets whose local port it is. */
  readonly connections: readonly PortSocket[];
}
