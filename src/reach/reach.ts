/**
 * Whether a port can be reached from outside: the types of a check. check.ts asks layer after layer, listen.ts puts a
 * temporary listener there, outside.ts asks a checker on another machine.
 */
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

/** One layer, tried. */
export interface LayerResult {
  readonly layer: Layer;
  readonly result: "ok" | "fail" | "unknown";
  /** A sentence: what was seen. */
  readonly reason: string;
  /** What to do next, as a sentence or a command; null where nothing is to be done. */
  readonly next: string | null;
}

/** Answer of `POST /ports/{n}/check`, for one protocol. */
export interface ReachReport {
  readonly port: number;
  readonly protocol: Protocol;
  readonly layers: readonly LayerResult[];
  /** `open` is proven from outside; `closed` names the first layer that fails in {@linkcode broken}. */
  readonly verdict: "open" | "closed" | "unproven";
  readonly broken: Layer | null;
  /** `address:port` under which the internet reaches it; null where that is not known. */
  readonly external: string | null;
}
