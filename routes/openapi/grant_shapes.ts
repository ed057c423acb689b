/** What `POST /leases` answers beside one lease: a list, or what is short, where that is preferred; and what freeing answers. */
import {
  LEASE,
  LEASE_ID,
  listOf,
  LONG_TEXT,
  nullable,
  object,
  oneOf,
  PID,
  PORT,
  type Shape,
} from "../../src/client/shape.ts";
import type { EndedListener } from "../../src/terminate/freeing.ts";
import type { Lease } from "../../src/lease/lease.ts";

/** How many leases one request can ask for. */
const MOST = 256;

interface Several<T> {
  readonly leases: readonly T[];
}

type Short = Pick<Lease, "id" | "port">;

/** A lease, short. */
export const SHORT_LEASE: Shape<Short> = object<Short>({ id: LEASE_ID, port: PORT });
/** Several leases. */
export const SEVERAL_LEASES: Shape<Several<Lease>> = object<Several<Lease>>({ leases: listOf(LEASE, MOST, 1) });
/** Several leases, short. */
export const SEVERAL_SHORT_LEASES: Shape<Several<Short>> = object<Several<Short>>({
  leases: listOf(SHORT_LEASE, MOST, 1),
});

/** What `POST /leases/{id}/free` has done. */
interface Freed {
  readonly ended: readonly EndedListener[];
  readonly released: readonly string[];
}

/** `POST /leases/{id}/free`. */
export const FREED: Shape<Freed> = object<Freed>({
  ended: listOf(object<EndedListener>({ pid: PID, command: nullable(LONG_TEXT), signal: oneOf("TERM", "KILL") }), MOST),
  released: listOf(LEASE_ID, 1),
});
