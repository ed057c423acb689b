/** Converts between records and rows of the table `leases`. Pure. */
import { type Protocol, PROTOCOLS } from "../../port/port.ts";
import type { Exposure, LeaseListener } from "../lease.ts";
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

/** Writes a new record. */
export const INSERT_LEASE = `INSERT INTO leases (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})`;

/**
 * Writes the next version of a live record; its values end with id and version. An ended record stays as it is, and so
 * does one of which another version is in the file.
 */
export const UPDATE_LEASE = `UPDATE leases SET ${
  COLUMNS.slice(1).map((c) => `${c} = ?`).join(", ")
} WHERE id = ? AND ended_at IS NULL AND version = ? - 1`;

/** The bit of a protocol in the column `protocols`. */
const PROTOCOL_BITS: Readonly<Record<Protocol, number>> = { tcp: 1, udp: 2 };

/** The protocols in a value of the column `protocols`. */
export function protocolsOf(bits: number): Protocol[] {
  return PROTOCOLS.filter((protocol) => bits & PROTOCOL_BITS[protocol]);
}

/** The values of a record in the order of the columns. @param expiresAt is its end by the wall clock. */
export function toValues(record: LeaseRecord, expiresAt: number | null): (string | number | null)[] {
  return [
    record.id,
    record.name,
    record.project,
    record.port,
    record.protocols.reduce((bits, protocol) => bits | PROTOCOL_BITS[protocol], 0),
    record.state,
    JSON.stringify(record.holder),
    JSON.stringify(record.lifetime),
    record.hold,
    JSON.stringify(record.labels),
    listenerText(record),
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

/** The value of the column `listener`. */
export function listenerText({ listener }: Pick<LeaseRecord, "listener">): string | null {
  return listener === null ? null : JSON.stringify(listener);
}

/** A row as a record, with its end by the wall clock. */
export function toRecord(row: Row): LeaseRecord & { readonly expiresAt: number | null } {
  return {
    id: row.id as string,
    version: row.version as number,
    name: row.name as string | null,
    project: row.project as string | null,
    port: row.port as number,
    protocols: protocolsOf(row.protocols as number),
    state: row.state as LeaseRecord["state"],
    holder: JSON.parse(row.holder as string),
    lifetime: JSON.parse(row.lifetime as string),
    hold: row.hold as LeaseRecord["hold"],
    labels: JSON.parse(row.labels as string),
    listener: row.listener === null ? null : toListener(row.listener as string),
    claimed: row.claimed === 1,
    grantedAt: row.granted_at as number,
    renewedAt: row.renewed_at as number,
    expiresAt: row.expires_at as number | null,
    deadline: row.deadline as number | null,
    bootId: row.boot_id as string,
    endedAt: row.ended_at as number | null,
    exposure: row.exposure === null ? null : toExposure(row.exposure as string),
    owner: row.owner as string | null,
  };
}

/** Earlier versions of portd wrote exposures without a gateway. */
function toExposure(text: string): Exposure {
  return { gateway: null, ...JSON.parse(text) };
}

/** An early version of portd wrote listeners without identity and reason. */
function toListener(text: string): LeaseListener {
  return { startTime: null, bootId: null, reason: null, ...JSON.parse(text) };
}
