/** Who holds a lease, and who may ask for it again. Pure, except that it asks about processes. */
import { PortdError } from "../errors.ts";
import {
  isSameProcess,
  NO_EVIDENCE,
  type PossibleIdentity,
  type Process,
  type Processes,
  type ProcessEvidence,
  type ProcessIdentity,
} from "../process/process.ts";
import type { Holder, LeaseListener, Lifetime } from "./lease.ts";
import type { LeaseRecord } from "./record.ts";
import type { GrantRequest } from "./wish.ts";

/** The holder of a new lease as the request names it, with the process as evidence where one is given. */
export function holderOf({ holder, project }: GrantRequest, process: Process | undefined): Holder {
  const id = holder.id ?? (project === null ? "anonymous" : `project:${project}`);
  const evidence = process === undefined ? NO_EVIDENCE : evidenceOf(process);
  return { id, ...evidence, command: holder.command ?? evidence.command, cwd: holder.cwd ?? evidence.cwd };
}

/** What of a process is kept as evidence. */
export function evidenceOf({ pid, startTime, bootId, command, cwd, user }: Process): ProcessEvidence {
  return { pid, startTime, bootId, command, cwd, user };
}

/** The process of a holder or a listener; `undefined` when none is known. */
export function identityOf({ pid, startTime, bootId }: PossibleIdentity): ProcessIdentity | undefined {
  return pid === null || startTime === null || bootId === null ? undefined : { pid, startTime, bootId };
}

/** @throws {PortdError} `invalid_request` when the lifetime is that of a process and none is known. */
export function requireProcess(lifetime: Lifetime, holder: Holder): void {
  if (lifetime.kind !== "process" || holder.pid !== null) return;
  const message = 'Cannot use "lifetime": a lease of kind "process" needs "pid"';
  throw new PortdError("invalid_request", message, { field: "pid", expected: "the number of a running process" });
}

/**
 * Checks that a request for a live name comes from the holder of the lease.
 *
 * @throws {PortdError} `name_taken` when it does not, or when another process of the holder uses the lease.
 */
export function checkSameHolder(record: LeaseRecord, request: GrantRequest, processes: Processes): void {
  const { holder, name } = record;
  const isSame = request.holder.id === null
    ? record.project !== null && record.project === request.project
    : holder.id === request.holder.id;
  if (!isSame) throw nameTaken(record, `its holder is ${holder.id}`);
  const identity = identityOf(holder);
  if (record.lifetime.kind !== "process" || identity === undefined) return;
  if (request.pid === null || request.pid === identity.pid) return;
  if (processes.isAlive(identity)) {
    throw nameTaken(record, `process ${identity.pid} (${holder.command ?? name}) uses it`);
  }
  const listener = runningListener(record, processes);
  if (listener === undefined || listener.pid === request.pid) return;
  throw nameTaken(
    record,
    `process ${listener.pid} (${listener.command ?? name}), which its holder started, listens there`,
  );
}

/** The holder's server that the watch saw last, if it still runs. */
function runningListener({ state, listener }: LeaseRecord, processes: Processes): LeaseListener | undefined {
  const identity = state === "listening" && listener !== null ? identityOf(listener) : undefined;
  return identity !== undefined && processes.isAlive(identity) ? listener! : undefined;
}

/** Holder and lifetime of a live lease after a request for its name, or a change of it. */
export type HolderChange = Pick<LeaseRecord, "holder" | "lifetime">;

/**
 * Checks that holder and lifetime of an exposed lease change only with the scope `expose`: the port was opened to the
 * outside for that process and that time only.
 *
 * @throws {PortdError} `scope_required`
 */
export function checkExposedChange(record: LeaseRecord, after: HolderChange, mayExpose: boolean): void {
  if (record.exposure === null || mayExpose) return;
  const field = !isSameProcess(record.holder, after.holder)
    ? "pid"
    : !isSameLifetime(record.lifetime, after.lifetime)
    ? "lifetime"
    : undefined;
  if (field === undefined) return;
  const lease = record.name === null ? record.id : JSON.stringify(record.name);
  const message =
    `Cannot change "${field}" of lease ${lease} without the scope "expose": port ${record.port} is open ` +
    "to the outside; send the token, or close the port first";
  throw new PortdError("scope_required", message, { field, scope: "expose", leaseId: record.id, port: record.port });
}

/**
 * The lifetime of a live lease after a request for its name. One that follows a process or a server replaces only
 * another such one: a `portd run` that ends must not end a pinned lease.
 */
export function lifetimeAfter(before: Lifetime, asked: Lifetime | undefined): Lifetime {
  return asked === undefined || (follows(asked) && !follows(before)) ? before : asked;
}

function follows({ kind }: Lifetime): boolean {
  return kind === "listener" || kind === "process";
}

/** Lifetimes of one kind are flat objects with the same members. */
export function isSameLifetime(one: Lifetime, other: Lifetime): boolean {
  const members = Object.entries(other) as [keyof Lifetime, unknown][];
  return members.every(([member, value]) => one[member] === value);
}

/** The refusal of the name of a live lease. */
export function nameTaken({ name, port, id, holder }: LeaseRecord, reason: string): PortdError {
  const message = `Cannot grant the name "${name}": it is leased on port ${port}; ${reason}`;
  return new PortdError("name_taken", message, { field: "name", value: name, port, leaseId: id, holderId: holder.id });
}
