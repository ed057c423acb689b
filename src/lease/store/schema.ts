/** The numbered migrations of `leases.db`. One that has been published is never changed; the next gets a number. */

/** Migration n brings a file of version n to version n + 1; the version is in `PRAGMA user_version`. */
export const MIGRATIONS: readonly string[] = [
  `
  -- Live leases and the history. Instants *_at are wall-clock milliseconds since 1970; deadline is milliseconds since
  -- the boot boot_id. protocols: 1 tcp, 2 udp, 3 both. holder, lifetime, labels and listener are JSON.
  CREATE TABLE leases (
    id         TEXT PRIMARY KEY,
    name       TEXT,
    project    TEXT,
    port       INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    protocols  INTEGER NOT NULL CHECK (protocols BETWEEN 1 AND 3),
    state      TEXT NOT NULL,
    holder     TEXT NOT NULL,
    lifetime   TEXT NOT NULL,
    hold       TEXT NOT NULL,
    labels     TEXT NOT NULL,
    listener   TEXT,
    claimed    INTEGER NOT NULL,
    granted_at INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    expires_at INTEGER,
    deadline   REAL,
    boot_id    TEXT NOT NULL,
    ended_at   INTEGER
  ) STRICT, WITHOUT ROWID;

  -- A TCP port has one live lease at most.
  CREATE UNIQUE INDEX one_live_lease_per_tcp_port ON leases (port) WHERE ended_at IS NULL AND protocols & 1;
  -- A UDP port has one live lease at most.
  CREATE UNIQUE INDEX one_live_lease_per_udp_port ON leases (port) WHERE ended_at IS NULL AND protocols & 2;
  -- The history in the order in which it is shown and forgotten.
  CREATE INDEX history ON leases (ended_at) WHERE ended_at IS NOT NULL;

  -- The port that a name had last.
  CREATE TABLE names (name TEXT PRIMARY KEY, port INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  -- Answers to requests with an Idempotency-Key.
  CREATE TABLE requests (
    key         TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    body        TEXT NOT NULL,
    at          INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- The answers in the order in which they are forgotten.
  CREATE INDEX answers_by_age ON requests (at);
  `,
  `
  -- The wish to be reachable from outside, as JSON; null without one.
  ALTER TABLE leases ADD COLUMN exposure TEXT;
  `,
  `
  -- Counts the changes of a lease: a change is written only on top of the version that it was decided on.
  ALTER TABLE leases ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- The user for whom the lease counts, like uid:1000, or unknown; null where it is not counted.
  ALTER TABLE leases ADD COLUMN owner TEXT;
  `,
  `
  -- What an ended lease takes of the file, in bytes and rather too many; null while it lives.
  ALTER TABLE leases ADD COLUMN bytes INTEGER;
  UPDATE leases SET bytes = 5000 + octet_length(holder) + octet_length(labels) WHERE ended_at IS NOT NULL;
  -- The history in the order in which it is shown and forgotten, with all that it is searched for but labels: a search
  -- reads this index alone, and one index costs a release less than one for each filter.
  DROP INDEX history;
  CREATE INDEX history ON leases (ended_at, id, name, project, port, protocols, state, bytes)
    WHERE ended_at IS NOT NULL;

  -- Requests with an Idempotency-Key that were granted: who asked, and the ids of the leases, 26 characters each. Those
  -- of an earlier portd, which knew no callers, have the caller ''.
  CREATE TABLE keyed_requests (
    caller      TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    lease_ids   TEXT NOT NULL,
    at          INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO keyed_requests SELECT '', key, fingerprint, status, (
      SELECT group_concat(value ->> 'id', '') FROM json_each(
        CASE WHEN json_type(body, '$.leases') = 'array' THEN body -> '$.leases' ELSE json_array(json(body)) END
      )
    ), at, 5000 FROM requests;
  DROP TABLE requests;
  -- The requests of a caller in the order in which they are forgotten.
  CREATE INDEX keyed_requests_by_age ON keyed_requests (caller, at, bytes);
  `,
  `
  -- What STUN servers saw of the line at the last look, as JSON: one row at most.
  CREATE TABLE line (id INTEGER PRIMARY KEY CHECK (id = 1), look TEXT NOT NULL) STRICT;
  `,
  `
  -- What portd has asked routers for. A row is on the disk before the router is asked, and goes when the router has
  -- deleted the mapping or ended it by itself. Instants *_at are wall-clock milliseconds since 1970. nonce is PCP's, with
  -- which a mapping is renewed and deleted. wanted_port: null is any; external_port: null where nothing is granted yet;
  -- ends_at: null where the router has not said when, or never ends it; leaving_at: null while a lease wants it.
  CREATE TABLE mappings (
    nonce            TEXT PRIMARY KEY CHECK (length(nonce) = 24),
    lease_id         TEXT NOT NULL CHECK (length(lease_id) <= 26),
    lease            TEXT NOT NULL CHECK (length(lease) <= 300),
    family           TEXT NOT NULL CHECK (family IN ('ipv4', 'ipv6')),
    protocol         TEXT NOT NULL CHECK (protocol IN ('tcp', 'udp')),
    internal_address TEXT NOT NULL CHECK (length(internal_address) <= 100),
    internal_port    INTEGER NOT NULL CHECK (internal_port BETWEEN 1 AND 65535),
    wanted_port      INTEGER CHECK (wanted_port BETWEEN 1 AND 65535),
    asked_port       INTEGER NOT NULL CHECK (asked_port BETWEEN 0 AND 65535),
    external_address TEXT CHECK (length(external_address) <= 100),
    external_port    INTEGER CHECK (external_port BETWEEN 1 AND 65535),
    gateway_address  TEXT NOT NULL CHECK (length(gateway_address) <= 100),
    gateway_protocol TEXT NOT NULL CHECK (gateway_protocol IN ('pcp', 'nat-pmp', 'upnp')),
    handle           TEXT CHECK (length(handle) <= 100),
    lifetime_s       INTEGER NOT NULL,
    made_at          INTEGER,
    ends_at          INTEGER,
    leaving_at       INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
];
