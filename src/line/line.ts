/**
 * The line: the internet access behind the router, and which external ports it can have at all. The types. verdict.ts
 * judges, port_sets.ts reckons the ports of MAP-E (RFC 7597), stun/ asks how the line changes ports.
 */
import type { PortRange } from "../port/port.ts";

/**
 * - `unrestricted`: every external port, as far as is known.
 * - `map-e`: the ports of one port set.
 * - `double-nat`: the router's own outer address is a private one, or not the one that the internet sees.
 * - `shared`: carrier-grade NAT or DS-Lite: no port of it can be had by IPv4.
 * - `unknown`: nothing sure.
 */
export const LINE_VERDICTS = ["unrestricted", "map-e", "double-nat", "shared", "unknown"] as const;

/** One of {@linkcode LINE_VERDICTS}. */
export type LineVerdict = (typeof LINE_VERDICTS)[number];

/** A port set of MAP-E: offset bits, length of the PSID in bits, and the PSID. */
export interface PortSet {
  readonly offset: 4 | 6;
  readonly length: 8 | 6;
  readonly psid: number;
}

/** One answer of a STUN server: which external address and port a local port had. */
export interface StunSample {
  readonly localPort: number;
  readonly address: string;
  readonly port: number;
}

/** What is known of the line. */
export interface Line {
  readonly verdict: LineVerdict;
  /** A sentence: why, and what was seen. */
  readonly reason: string;
  /** How sure it is: `sure`, or `likely` with the doubt in {@linkcode doubts}. */
  readonly certainty: "sure" | "likely";
  /** What speaks against it, a sentence each. */
  readonly doubts: readonly string[];
  /** The address that the internet sees; null where that is not known. */
  readonly externalAddress: string | null;
  /** Of a line with MAP-E. */
  readonly portSet: PortSet | null;
  /** The external ports that can be had by IPv4, ascending; null where every port can or nothing is known. */
  readonly usable: readonly PortRange[] | null;
  /** What was seen by STUN; empty where it was not asked. */
  readonly samples: readonly StunSample[];
  /** ISO instant of the last look by STUN; null where none was taken. */
  readonly sampledAt: string | null;
}

/** The line's verdict, or its ports, have changed. */
export interface LineEvent {
  readonly type: "line.changed";
  readonly line: Line;
}
