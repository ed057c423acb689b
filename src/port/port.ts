/** Ports, protocols and ranges: what everything else is about. Imports nothing of ours. */

/** A transport protocol that has ports. */
export type Protocol = "tcp" | "udp";

/** A range of ports, both ends inclusive. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A port with its protocol. */
export interface Endpoint {
  readonly protocol: Protocol;
  readonly port: number;
}
