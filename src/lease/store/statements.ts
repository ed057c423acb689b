/** The prepared statements of the store. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { PUT_MAPPING } from "./mapping_rows.ts";
import { INSERT_LEASE, UPDATE_LEASE } from "./rows.ts";

/** All statements that the store runs again and again. */
export type Statements = ReturnType<typeof prepare>;

/** Prepares them for an open file. */
export function prepare(db: DatabaseSync) {
  const live = "SELECT * FROM leases WHERE ended_at IS NULL AND protocols";
  const oldestEnded = "SELECT id FROM leases WHERE ended_at IS NOT NULL ORDER BY ended_at, id LIMIT ?";
  const oldestKeys = "SELECT key FROM keyed_requests WHERE caller = ? ORDER BY at LIMIT ?";
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    rollback: db.prepare("ROLLBACK"),
    insert: db.prepare(INSERT_LEASE),
    update: db.prepare(UPDATE_LEASE),
    end: db.prepare(
      "UPDATE leases SET state = ?, ended_at = ?, bytes = ?, listener = ? WHERE id = ? AND ended_at IS NULL",
    ),
    name: db.prepare("INSERT INTO names VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET port = excluded.port"),
    names: db.prepare("SELECT name, port FROM names"),
    // Through the partial indexes, so that a long history costs nothing at start.
    live: db.prepare(`${live} & 1 UNION ALL ${live} & 2 AND NOT protocols & 1`),
    // SQLite takes the other columns from the row of the group that has the maximum.
    endedSince: db.prepare(
      `SELECT port, protocols, name, max(ended_at) AS ended_at FROM leases WHERE ended_at >= ?
        GROUP BY port, protocols ORDER BY max(ended_at)`,
    ),
    byId: db.prepare("SELECT * FROM leases WHERE id = ?"),
    forgetName: db.prepare("DELETE FROM names WHERE name = ?"),
    countEnded: db.prepare(
      "SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM leases WHERE ended_at IS NOT NULL",
    ),
    oldestEnded: db.prepare(
      "SELECT ended_at AS at, bytes FROM leases WHERE ended_at IS NOT NULL ORDER BY ended_at, id LIMIT ?",
    ),
    forgetEnded: db.prepare(`DELETE FROM leases WHERE id IN (${oldestEnded})`),
    answer: db.prepare(
      "SELECT caller, key, fingerprint, status, lease_ids FROM keyed_requests WHERE key = ? AND caller IN (?, '')",
    ),
    keepAnswer: db.prepare("INSERT INTO keyed_requests VALUES (?, ?, ?, ?, ?, ?, ?)"),
    countAnswers: db.prepare(
      "SELECT caller, count(*) AS count, sum(bytes) AS bytes FROM keyed_requests GROUP BY caller",
    ),
    oldestAnswers: db.prepare(
      "SELECT at, bytes FROM keyed_requests WHERE caller = ? ORDER BY at LIMIT ?",
    ),
    forgetAnswers: db.prepare(`DELETE FROM keyed_requests WHERE caller = ? AND key IN (${oldestKeys})`),
    mappings: db.prepare("SELECT * FROM mappings ORDER BY nonce"),
    mapping: db.prepare(PUT_MAPPING),
    forgetMapping: db.prepare("DELETE FROM mappings WHERE nonce = ?"),
    lineLook: db.prepare("SELECT look FROM line"),
    keepLineLook: db.prepare("INSERT INTO line VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET look = excluded.look"),
    checkpoint: db.prepare("PRAGMA wal_checkpoint(PASSIVE)"),
  } satisfies Record<string, StatementSync>;
}
