/** How a command ends: exit codes, the CLI's own errors, and every error as a person reads it. */
import { NoDaemonError, UnprovenPeerError, UnusableAnswerError } from "../client/transport.ts";
import { describeSystemError, type ErrorCode, PortdError } from "../errors.ts";
import type { CliContext, CommonFlags } from "./context.ts";
import { neutralise, toJson } from "./terminal.ts";

/** The exit codes of portd; `run` passes its command's on. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  noDaemon: 3,
  conflict: 4,
  poolExhausted: 5,
  permission: 6,
  timedOut: 7,
} as const;

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What was waited for did not come in time. */
export class TimedOutError extends Error {
  override readonly name = "TimedOutError";
}

/** Ends a command with this exit code; the reason has been told already. */
export class Ended extends Error {
  override readonly name = "Ended";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const EXIT_OF_CODE: Partial<Record<ErrorCode, number>> = {
  invalid_request: EXIT.usage,
  port_out_of_range: EXIT.usage,
  port_leased: EXIT.conflict,
  port_in_use: EXIT.conflict,
  name_taken: EXIT.conflict,
  lease_exists: EXIT.conflict,
  pool_exhausted: EXIT.poolExhausted,
  too_many_leases: EXIT.poolExhausted,
  unauthorized: EXIT.permission,
  scope_required: EXIT.permission,
  forbidden_origin: EXIT.permission,
  port_privileged: EXIT.permission,
  request_timeout: EXIT.timedOut,
};

/** Runs a command; a failure goes to stderr in words, and to the caller as an exit code. */
export async function guard(
  { process }: CliContext,
  { json = false }: CommonFlags,
  run: () => void | Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    // The reader of our output has left (`portd ls | head -1`): he has what he wanted.
    if (error instanceof Deno.errors.BrokenPipe) return;
    process.exitCode = exitCodeOf(error);
    if (!(error instanceof Ended)) process.stderr.write(`${describeFailure(error, { json })}\n`);
  }
}

/** The exit code that tells a script what went wrong. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof PortdError) return EXIT_OF_CODE[error.code] ?? exitCodeOf(error.cause);
  if (error instanceof Ended) return error.exitCode;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof NoDaemonError) return EXIT.noDaemon;
  if (error instanceof UnprovenPeerError) return EXIT.permission;
  if (isTimeout(error)) return EXIT.timedOut;
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) return EXIT.permission;
  return EXIT.failure;
}

/** What goes to stderr about an error: words, or with `--json` one line `{"error": {code, message, …}}`. */
export function describeFailure(error: unknown, { json }: { readonly json: boolean }): string {
  if (json) return toJson({ error: { ...dataOf(error), code: codeOf(error), message: messageOf(error) } });
  // Only our own messages have lines; what a daemon sends is not to look like several.
  const isSent = error instanceof PortdError || error instanceof UnusableAnswerError;
  const lines = isSent ? [error.message] : messageOf(error).split("\n");
  return `portd: ${lines.map(neutralise).join("\n")}`;
}

function dataOf(error: unknown): object {
  return error instanceof PortdError ? error.data : {};
}

function codeOf(error: unknown): string {
  if (error instanceof PortdError) return error.code;
  if (error instanceof UsageError) return "usage";
  if (error instanceof NoDaemonError) return "no_daemon";
  if (error instanceof UnprovenPeerError) return "unproven";
  if (error instanceof UnusableAnswerError) return "unusable_answer";
  return isTimeout(error) ? "timed_out" : "failed";
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // What no code of ours threw on purpose is a fault of portd, or data that no check has foreseen.
  const isFault = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  if (isFault && !("code" in error)) {
    return `Cannot go on: portd has met an error of its own (${error.message.split("\n", 1)[0]})`;
  }
  return describeSystemError(error);
}

function isTimeout(error: unknown): boolean {
  return error instanceof TimedOutError || (error instanceof DOMException && error.name === "TimeoutError");
}
