/**
 * A scope: all leases that a command makes, and all that it starts, carry its label and end with it. What it starts learns
 * of it by an environment variable. Their holder is the process that has opened the scope, so that the daemon ends them
 * also when that is killed.
 */
import type { LeaseRequest } from "../client/wire.ts";
import { PortdError } from "../errors.ts";

/** The environment variable: `NAME:RUN:PID`. */
export const SCOPE_VARIABLE = "PORTD_SCOPE";
/** The labels: the name that was given, and this one run of it. */
const NAME_LABEL = "scope", RUN_LABEL = "scope.run";

/** A scope that was opened. */
export interface Scope {
  readonly name: string;
  /** Distinguishes this run from others of the same name. */
  readonly run: string;
  /** The process that has opened it. */
  readonly pid: number;
}

/** The names that a scope may have. */
const NAME = "[A-Za-z0-9._+@/-]{1,60}";
const FORM = new RegExp(`^(${NAME}):([0-9a-f]{12}):([1-9]\\d{0,9})$`);

/** What {@linkcode openScope} accepts, for messages. */
export const SCOPE_EXPECTED = "1 to 60 of the characters A-Z a-z 0-9 . _ + @ / -";

/** Whether a scope may have this name. */
export function isScopeName(name: string): boolean {
  return new RegExp(`^${NAME}$`).test(name);
}

/** Opens a scope for this process. */
export function openScope(name: string, pid: number): Scope {
  return { name, run: crypto.randomUUID().replaceAll("-", "").slice(0, 12), pid };
}

/** The value of the environment variable. */
export function scopeText({ name, run, pid }: Scope): string {
  return `${name}:${run}:${pid}`;
}

/** The scope in which this process runs. @throws {PortdError} `invalid_request` for a value that no portd has set. */
export function readScope(text: string | undefined): Scope | undefined {
  if (text === undefined || text === "") return undefined;
  const [, name, run, pid] = FORM.exec(text) ?? [];
  if (name !== undefined) return { name, run: run!, pid: Number(pid) };
  const message = `Cannot use ${SCOPE_VARIABLE}: ${JSON.stringify(text)} is not what portd run --scope sets; unset it`;
  throw new PortdError("invalid_request", message, { field: SCOPE_VARIABLE, value: text });
}

/** The labels of a scope's leases; none without a scope. */
export function scopeLabels(scope: Scope | undefined): Readonly<Record<string, string>> {
  return scope === undefined ? {} : { [NAME_LABEL]: scope.name, [RUN_LABEL]: scope.run };
}

/** The label by which the leases of one run are released, as `key=value`. */
export function runLabel({ run }: Scope): string {
  return `${RUN_LABEL}=${run}`;
}

/** What is asked of a lease that says nothing else about its labels and its end; nothing without a scope. */
export function scopeTerms(scope: Scope | undefined): Pick<LeaseRequest, "labels" | "lifetime" | "pid"> {
  return scope === undefined ? {} : { labels: scopeLabels(scope), lifetime: { kind: "process" }, pid: scope.pid };
}
