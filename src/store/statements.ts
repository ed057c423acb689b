/** The prepared statements of the store. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { INSERT_LEASE, UPDATE_LEASE } from "./rows.ts";

/** Every statement that the store runs again and again. */
export type Statements = ReturnType<typeof prepare>;

/** Prepares them for an open file. */
export function prepare(db: DatabaseSync) {
  const live = "SELECT * FROM leases WHERE ended_at IS NULL AND protocols & ";
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    rollback: db.prepare("ROLLBACK"),
    insert: db.prepare(INSERT_LEASE),
    update: db.prepare(UPDATE_LEASE),
    end: db.prepare("UPDATE leases SET state = ?, ended_at = ?, listener = NULL WHERE id = ? AND ended_at IS NULL"),
    name: db.prepare("INSERT INTO names VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET port = excluded.port"),
    names: db.prepare("SELECT name, port FROM names"),
    // By the partial indexes, so that a long history costs nothing at start.
    live: db.prepare(`${live} 1 UNION ${live} 2`),
    endedSince: db.prepare("SELECT * FROM leases WHERE ended_at >= ? ORDER BY ended_at"),
    byId: db.prepare("SELECT * FROM leases WHERE id = ?"),
    answer: db.prepare("SELECT key, fingerprint, status, body FROM requests WHERE key = ?"),
    keepAnswer: db.prepare("INSERT INTO requests VALUES (?, ?, ?, ?, ?)"),
    forgetName: db.prepare("DELETE FROM names WHERE name = ?"),
    countEnded: db.prepare("SELECT count(*) AS count FROM leases WHERE ended_at IS NOT NULL"),
    countAnswers: db.prepare("SELECT count(*) AS count FROM requests"),
    forgetOldestLeases: db.prepare(
      "DELETE FROM leases WHERE id IN (SELECT id FROM leases WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT ?)",
    ),
    forgetOldestAnswers: db.prepare("DELETE FROM requests WHERE key IN (SELECT key FROM requests ORDER BY at LIMIT ?)"),
    forgetLeases: db.prepare("DELETE FROM leases WHERE ended_at < ?"),
    forgetAnswers: db.prepare("DELETE FROM requests WHERE at < ?"),
  } satisfies Record<string, StatementSync>;
}
