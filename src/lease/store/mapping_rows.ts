/** Converts between mappings and rows of the table `mappings`. Pure. */
import type { MappingRecord } from "../../gateway/record.ts";
import type { Row } from "./rows.ts";

const COLUMNS = [
  "nonce",
  "lease_id",
  "lease",
  "family",
  "protocol",
  "internal_address",
  "internal_port",
  "wanted_port",
  "asked_port",
  "external_address",
  "external_port",
  "gateway_address",
  "gateway_protocol",
  "handle",
  "lifetime_s",
  "made_at",
  "ends_at",
  "leaving_at",
] as const;

/** Writes a mapping, new or known. */
export const PUT_MAPPING = `INSERT OR REPLACE INTO mappings (${COLUMNS.join(", ")}) VALUES (${
  COLUMNS.map(() => "?").join(", ")
})`;

/** The values of a mapping in the order of the columns. */
export function mappingValues(mapping: MappingRecord): (string | number | null)[] {
  const { internal, external, gateway } = mapping;
  return [
    mapping.nonce,
    mapping.leaseId,
    mapping.lease,
    mapping.family,
    mapping.protocol,
    internal.address,
    internal.port,
    mapping.wantedPort,
    mapping.askedPort,
    external?.address ?? null,
    external?.port ?? null,
    gateway.address,
    gateway.protocol,
    mapping.handle,
    mapping.lifetimeS,
    mapping.madeAt,
    mapping.endsAt,
    mapping.leavingAt,
  ];
}

/** A row as a mapping. */
export function toMapping(row: Row): MappingRecord {
  const externalPort = row.external_port as number | null;
  return {
    nonce: row.nonce as string,
    leaseId: row.lease_id as string,
    lease: row.lease as string,
    family: row.family as MappingRecord["family"],
    protocol: row.protocol as MappingRecord["protocol"],
    internal: { address: row.internal_address as string, port: row.internal_port as number },
    wantedPort: row.wanted_port as number | null,
    askedPort: row.asked_port as number,
    external: externalPort === null ? null : { address: row.external_address as string | null, port: externalPort },
    gateway: {
      address: row.gateway_address as string,
      protocol: row.gateway_protocol as MappingRecord["gateway"]["protocol"],
    },
    handle: row.handle as string | null,
    lifetimeS: row.lifetime_s as number,
    madeAt: row.made_at as number | null,
    endsAt: row.ends_at as number | null,
    leavingAt: row.leaving_at as number | null,
  };
}
