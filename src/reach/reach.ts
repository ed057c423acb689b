/**
 * Whether a port can be reached from outside: the types of a check. check.ts gathers what is known and tries what can be
 * tried from this machine, judge.ts judges it layer after layer, listen.ts puts a temporary listener there, outside.ts
 * asks a checker on another machine.
 */
import type { Family } from "../gateway/gateway.ts";
import type { Protocol } from "../port/port.ts";

/** What lies between a stranger and the service, from the inside out. */
export const LAYERS = [
  /** Somebody listens on the port. */
  "listener",
  /** It listens on an address that others can reach. */
  "bind",
  /** It answers on this machine's own address in the network. */
  "lan",
  /** The host's firewall lets packets to it through. */
  "rule",
  /** The router forwards the port to it. */
  "mapping",
  /** The router answers and has an outer address. */
  "gateway",
  /** The line can have this port. */
  "line",
  /** The router leads this machine's own packets to its outer address back. */
  "hairpin",
  /** A checker on another machine has reached it. */
  "outside",
] as const;

/** One of {@linkcode LAYERS}. */
export type Layer = (typeof LAYERS)[number];

/** How a layer can turn out. */
export const RESULTS = ["ok", "fail", "unknown"] as const;

/** One layer, tried. */
export interface LayerResult {
  readonly layer: Layer;
  readonly result: (typeof RESULTS)[number];
  /** A sentence without full stop: what was seen. */
  readonly reason: string;
  /** What to do next, as a sentence or a command; null where nothing is to be done. */
  readonly next: string | null;
}

/** For whom a port is to be open: for the networks that this machine is on, or for the internet. */
export const ORIGINS = ["lan", "internet"] as const;

/** One of {@linkcode ORIGINS}. */
export type Origin = (typeof ORIGINS)[number];

/** What a check can come to. */
export const REACH_VERDICTS = ["open", "closed", "unproven"] as const;

/** Where a port is reached. */
export interface ExternalAddress {
  /** Null where it is not known. */
  readonly address: string | null;
  readonly port: number;
}

/** Answer of `POST /ports/{n}/check`, for one protocol and one family. */
export interface ReachReport {
  readonly port: number;
  readonly protocol: Protocol;
  readonly family: Family;
  readonly from: Origin;
  /** In the order of {@linkcode LAYERS}; from the networks of this machine there is nothing behind `rule`. */
  readonly layers: readonly LayerResult[];
  /** `open` is proven from outside; `closed` names the first layer that fails in {@linkcode broken}. */
  readonly verdict: (typeof REACH_VERDICTS)[number];
  readonly broken: Layer | null;
  /** Where the internet reaches it. */
  readonly external: ExternalAddress;
}

/** Body of `POST /ports/{n}/check`. */
export interface ReachRequest {
  /** @default "tcp" */
  readonly protocol?: Protocol | undefined;
  /** @default the one for which the lease asks the router, else `ipv4` */
  readonly family?: Family | undefined;
  /** @default `internet` where the lease asks the router, else `lan` */
  readonly from?: Origin | undefined;
  /**
   * Whether the router may be asked and the firewall read now; else what was known before counts. Takes the token.
   * @default false
   */
  readonly asks?: boolean | undefined;
  /** Whether the daemon puts a temporary listener on the port during the check. Takes the token. @default false */
  readonly listen?: boolean | undefined;
  /** The nonce of a temporary listener that the caller has put there. Takes the token. */
  readonly nonce?: string | undefined;
}
