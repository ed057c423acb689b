/** What the file remembers of a mapping: enough to renew and to delete it after the daemon was killed. Types and keys. */
import type { Protocol } from "../port/port.ts";
import type { Family, GatewayProtocol, MappedEndpoint } from "./gateway.ts";
import type { Mapping } from "./mapping.ts";

/** A mapping as the file has it. It is on the disk before the router is asked. Instants are wall-clock milliseconds. */
export interface MappingRecord extends MappedEndpoint, Pick<Mapping, "leaseId" | "lease" | "wantedPort"> {
  /** 24 hexadecimal digits; no two records have the same. */
  readonly nonce: string;
  /** The external port that was asked for last. */
  readonly askedPort: number;
  /** What was granted; null while no answer is known. The address is null where the router does not tell it. */
  readonly external: { readonly address: string | null; readonly port: number } | null;
  /** By which router, in which protocol. */
  readonly gateway: { readonly address: string; readonly protocol: GatewayProtocol };
  /** What the router calls it; null where it has no name there. */
  readonly handle: string | null;
  /** What was asked for, in seconds. */
  readonly lifetimeS: number;
  /** When it was granted first; null before. */
  readonly madeAt: number | null;
  /** When the router has ended it by itself at the latest; null where that is not known, or it has no end. */
  readonly endsAt: number | null;
  /** Since when no lease wants it; null while one does. */
  readonly leavingAt: number | null;
}

/** Where records are kept. A change is on the disk when its promise resolves. */
export interface MappingFile {
  /** The records that an earlier run has left. */
  read(): readonly MappingRecord[];
  /** Adds records, or replaces those of the same nonce: all or none. */
  put(records: readonly MappingRecord[]): Promise<void>;
  /** Removes a record; one that is not there is no error. */
  remove(nonce: string): Promise<void>;
}

/** What identifies the mapping of a lease: it has one of each protocol and family. */
export function wishKey({ leaseId, family, protocol }: Pick<Mapping, "leaseId" | "family" | "protocol">): string {
  return `${leaseId} ${family} ${protocol}`;
}

/** Where a mapping stands: routers have one mapping of an internal endpoint. */
export interface Place {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly internal: MappedEndpoint["internal"];
  readonly gateway: MappingRecord["gateway"];
}

/** What identifies a mapping at a router. */
export function placeKey({ family, protocol, internal, gateway }: Place): string {
  return [family, protocol, internal.address, internal.port, gateway.address, gateway.protocol].join(" ");
}
