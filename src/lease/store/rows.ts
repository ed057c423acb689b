/** Row <-> record of the table `leases`. Pure. */
import type { HoldKind } from "../../hold/hold.ts";
import type { Protocol } from "../../port/port.ts";
import type { LeaseListener, LeaseState } from "../lease.ts";
import type { LeaseRecord } from "../record.ts";

/** A row as SQLite gives it. */
export type Row = Record<string, string | number | null>;

const COLUMNS = [
  "id",
  "name",
  "project",
  "port",
  "protocols",
  "state",
  "holder",
  "lifetime",
  "hold",
  "labels",
  "listener",
  "claimed",
  "granted_at",
  "renewed_at",
  "expires_at",
  "deadline",
  "boot_id",
  "ended_at",
  "exposure",
  "version",
  "owner",
] as const;

/** Writes a record whole, whether it is new or known. */
export const INSERT_LEASE = `INSERT INTO leases (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})`;

/**
 * The same for the next version of a live record; id and version stand last. What has ended stays as it is, and so does
 * a record of which another version is in the file.
 */
export const UPDATE_LEASE = `UPDATE leases SET ${
  COLUMNS.slice(1).map((c) => `${c} = ?`).join(", ")
} WHERE id = ? AND ended_at IS NULL AND version = ? - 1`;

/** Protocols as the bits of the column `protocols`. */
export function protocolBits(protocols: readonly Protocol[]): number {
  return (protocols.includes("tcp") ? 1 : 0) | (protocols.includes("udp") ? 2 : 0);
}

/** The bits of the column `protocols` as protocols. */
export function protocolsOf(bits: number): Protocol[] {
  return [...(bits & 1 ? ["tcp" as const] : []), ...(bits & 2 ? ["udp" as const] : [])];
}

/** The values of a record in the order of the columns. @param expiresAt is wall-clock time, for another boot. */
export function toValues(record: LeaseRecord, expiresAt: number | null): (string | number | null)[] {
  return [
    record.id,
    record.name,
    record.project,
    record.port,
    protocolBits(record.protocols),
    record.state,
    JSON.stringify(record.holder),
    JSON.stringify(record.lifetime),
    record.hold,
    JSON.stringify(record.labels),
    record.listener === null ? null : JSON.stringify(record.listener),
    record.claimed ? 1 : 0,
    record.grantedAt,
    record.renewedAt,
    expiresAt,
    record.deadline,
    record.bootId,
    record.endedAt,
    record.exposure === null ? null : JSON.stringify(record.exposure),
    record.version,
    record.owner,
  ];
}

/** A row as a record, with the wall-clock time of its end beside it. */
export function toRecord(row: Row): LeaseRecord & { readonly expiresAt: number | null } {
  return {
    id: row.id as string,
    version: row.version as number,
    name: row.name as string | null,
    project: row.project as string | null,
    port: row.port as number,
    protocols: protocolsOf(row.protocols as number),
    state: row.state as LeaseState,
    holder: JSON.parse(row.holder as string),
    lifetime: JSON.parse(row.lifetime as string),
    hold: row.hold as HoldKind,
    labels: JSON.parse(row.labels as string),
    listener: row.listener === null ? null : toListener(row.listener as string),
    claimed: row.claimed === 1,
    grantedAt: row.granted_at as number,
    renewedAt: row.renewed_at as number,
    expiresAt: row.expires_at as number | null,
    deadline: row.deadline as number | null,
    bootId: row.boot_id as string,
    endedAt: row.ended_at as number | null,
    exposure: row.exposure === null ? null : JSON.parse(row.exposure as string),
    owner: row.owner as string | null,
  };
}

/** A listener that an earlier version wrote has no identity. */
function toListener(text: string): LeaseListener {
  return { startTime: null, bootId: null, reason: null, ...JSON.parse(text) };
}
