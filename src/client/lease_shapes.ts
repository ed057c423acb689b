/** The shapes of leases, as every client reads them; answer_shapes.ts has those of everything else. */
import type { Exposure, Holder, Lease, LeaseListener, LeaseState, Lifetime, Protocol } from "../lease/lease.ts";
import type { LeasePage } from "../lease/request.ts";
import { listOf, nullable, object, oneOf, optional, recordOf, type Shape, text, textLike } from "./shape.ts";
import { value, variants, wholeNumber } from "./shape.ts";

/** Longer than any command, path or sentence of a daemon. */
export const LONG_TEXT: Shape<string> = text(65_536);
const NULLABLE_TEXT = nullable(LONG_TEXT);

/** A port; 0 is none. */
export const PORT: Shape<number> = wholeNumber(1, 65535, "a port number");
/** A process id of any system; 0 stands for a process that has none of its own. */
export const PID: Shape<number> = wholeNumber(0, 0xffffffff, "a process id");
/** One protocol. */
export const PROTOCOL: Shape<Protocol> = oneOf("tcp", "udp");
/** Milliseconds. */
export const DURATION: Shape<number> = wholeNumber(0, Number.MAX_SAFE_INTEGER, "a number of milliseconds");
/** The id of a lease, a ULID. */
export const LEASE_ID: Shape<string> = textLike(/^[0-9A-Z]{26}$/, "the id of a lease");
/** An instant in UTC. */
export const INSTANT: Shape<string> = value(
  "an ISO 8601 instant in UTC",
  (value) =>
    typeof value === "string" && /^(?:\d{4}|[+-]\d{6})-[\d:.T-]{5,30}Z$/.test(value) && !isNaN(Date.parse(value)),
);

const MOST_LABELS = 1000;
/** Of one exposure, or of one rule. */
const MOST_NETWORKS = 1000;

/** Which network profiles of Windows a rule is for. */
export const PROFILES: Shape<Exposure["firewall"]["profiles"]> = listOf(oneOf("domain", "private", "public"), 3);
/** Which way a rule lets packets pass. */
export const DIRECTION: Shape<Exposure["firewall"]["direction"]> = oneOf("in", "out");
/** Whom a rule lets in. */
export const REMOTE: Shape<readonly string[]> = listOf(text(200), MOST_NETWORKS);

const HOLDER = object<Holder>({
  id: LONG_TEXT,
  pid: nullable(PID),
  startTime: NULLABLE_TEXT,
  bootId: NULLABLE_TEXT,
  command: NULLABLE_TEXT,
  cwd: NULLABLE_TEXT,
  user: NULLABLE_TEXT,
});

const LISTENER = object<LeaseListener>({
  pid: nullable(PID),
  command: NULLABLE_TEXT,
  cwd: NULLABLE_TEXT,
  user: NULLABLE_TEXT,
  address: LONG_TEXT,
  since: INSTANT,
});

const LIFETIME = variants<Lifetime, "kind">("kind", {
  listener: object({ kind: oneOf("listener"), claimMs: DURATION, graceMs: DURATION }),
  process: object({ kind: oneOf("process"), graceMs: DURATION }),
  ttl: object({ kind: oneOf("ttl"), ttlMs: DURATION }),
  pinned: object({ kind: oneOf("pinned") }),
});

const EXPOSURE = object<Exposure>({
  firewall: object({ direction: DIRECTION, profiles: PROFILES, remote: REMOTE }),
});

const STATE: Shape<LeaseState> = oneOf(
  "granted",
  "listening",
  "idle",
  "conflict",
  "released",
  "revoked",
  "expired",
);

/** A lease of this port. */
export function leaseOn(port: Shape<number>): Shape<Lease> {
  return object<Lease>({
    id: LEASE_ID,
    name: nullable(text(1000)),
    project: nullable(text(1000)),
    port,
    protocols: listOf(PROTOCOL, 2, 1),
    state: STATE,
    holder: HOLDER,
    lifetime: LIFETIME,
    hold: oneOf("soft", "none"),
    labels: recordOf(LONG_TEXT, MOST_LABELS),
    exposure: nullable(EXPOSURE),
    listener: nullable(LISTENER),
    grantedAt: INSTANT,
    renewedAt: INSTANT,
    expiresAt: nullable(INSTANT),
    endedAt: nullable(INSTANT),
  });
}

/** A lease. */
export const LEASE: Shape<Lease> = leaseOn(PORT);

/** A lease that is to be reachable from outside. */
export const EXPOSED_LEASE: Shape<Lease> = {
  faultOf: (value) => LEASE.faultOf(value) ?? object({ exposure: EXPOSURE }).faultOf(value),
};

/** Leases that a page has at most. */
const MOST_ON_PAGE = 1000;

/** What continues a list. */
const CURSOR = textLike(/^[!-~]{1,200}$/, "a cursor of 1 to 200 visible ASCII characters");

/** One page of leases. */
export const LEASE_PAGE: Shape<LeasePage> = object<LeasePage>({
  leases: listOf(LEASE, MOST_ON_PAGE),
  next: optional(CURSOR),
});

/** The answer to a request for so many leases; a single one comes by itself, unless several were asked for. */
export function grantOf(count: number, isList: boolean): Shape<Lease | { readonly leases: readonly Lease[] }> {
  const list = object<{ readonly leases: readonly Lease[] }>({ leases: listOf(LEASE, count, count) });
  return { faultOf: isList ? list.faultOf : LEASE.faultOf };
}
