/** How a command ends: exit codes, the errors of the CLI itself, and every error in words. */
import { NoAnswerError, NoDaemonError, UnprovenPeerError, UnusableAnswerError } from "../client/transport.ts";
import { describeSystemError, type ErrorCode, PortdError } from "../errors.ts";
import type { CliContext, CommonFlags } from "./context.ts";
import { escapeControls, toJson, writeLine } from "./terminal.ts";

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
  /** A check has neither proven a port open nor found what keeps it closed. */
  unproven: 8,
} as const;

/** A fault of the command line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What was waited for did not come in time. */
export class TimedOutError extends Error {
  override readonly name = "TimedOutError";
}

/** Ends a command with this exit code; what there is to say has been printed already. */
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
  port_not_on_line: EXIT.conflict,
  name_taken: EXIT.conflict,
  lease_exists: EXIT.conflict,
  process_kept: EXIT.conflict,
  pool_exhausted: EXIT.poolExhausted,
  too_many_leases: EXIT.poolExhausted,
  unauthorized: EXIT.permission,
  scope_required: EXIT.permission,
  forbidden_origin: EXIT.permission,
  port_privileged: EXIT.permission,
  request_timeout: EXIT.timedOut,
};

/** Runs a command; its failure becomes a message on stderr and an exit code. */
export async function guard(
  context: CliContext,
  flags: CommonFlags,
  run: () => void | Promise<void>,
): Promise<void> {
  const { process } = context, { json = false } = flags;
  try {
    await run();
  } catch (error) {
    // The reader of our output has ended (`portd ls | head -1`): it has what it wanted.
    if (error instanceof Deno.errors.BrokenPipe) return;
    process.exitCode = exitCodeOf(error);
    if (error instanceof Ended) return;
    const advised = await withAdvice(context, flags, await inWords(context, flags, error));
    const text = describeFailure(advised, { json });
    if (json) process.stderr.write(`${text}\n`);
    else for (const line of text.split("\n")) writeLine(process.stderr, line);
  }
}

/** The same error in words that its reader can use: what listens on the daemon's address, what was typed, and what would work. */
async function inWords(context: CliContext, flags: CommonFlags, error: unknown): Promise<unknown> {
  if (!(error instanceof PortdError)) return withListener(context, flags, error);
  if (error.data.field === undefined && error.code !== "pool_exhausted") return error;
  const { inTypedWords }: typeof import("./typed_fields.ts") = await import("./typed_fields.ts" as string);
  return inTypedWords(error);
}

/** The same error; where something listens on the daemon's address and is no daemon, its message says who that is. */
export async function withListener(context: CliContext, flags: CommonFlags, error: unknown): Promise<unknown> {
  const mayBeStranger = error instanceof NoDaemonError || error instanceof NoAnswerError;
  if (!mayBeStranger || error.origin === undefined) return error;
  const { strangerText }: typeof import("./daemon/stranger.ts") = await import("./daemon/stranger.ts" as string);
  const more = await strangerText(context, flags, error.origin);
  // The class says how the command ends, so it stays; the message of a DOMException can only be hidden by another one.
  return more === undefined ? error : Object.defineProperty(error, "message", { value: `${error.message}; ${more}` });
}

/** The same error; where the daemon asks for its token, the message says how a user has it. */
async function withAdvice(context: CliContext, flags: CommonFlags, error: unknown): Promise<unknown> {
  if (!(error instanceof PortdError) || error.code !== "scope_required" || !("tokenFile" in error.data)) return error;
  const { withTokenAdvice }: typeof import("./token_advice.ts") = await import("./token_advice.ts" as string);
  return withTokenAdvice(error, context, { flags });
}

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  return kindOf(error)[1];
}

/** What stderr gets about an error: a sentence, or with `--json` one line `{"error": {code, message, …}}`. */
export function describeFailure(error: unknown, { json }: { readonly json: boolean }): string {
  const data = error instanceof PortdError ? error.data : {};
  if (json) return toJson({ error: { ...data, code: kindOf(error)[0], message: sentenceOf(error) } });
  // Only our own messages have several lines; one from a daemon must not look like several.
  const isSent = error instanceof PortdError || error instanceof UnusableAnswerError;
  const lines = isSent ? [error.message] : sentenceOf(error).split("\n");
  return `portd: ${lines.map(escapeControls).join("\n")}`;
}

/** What errors that are no {@linkcode PortdError} are called; the first class that fits decides. */
const KINDS = [
  [UsageError, "usage", EXIT.usage],
  [UnprovenPeerError, "unproven", EXIT.permission],
  [UnusableAnswerError, "unusable_answer", EXIT.failure],
  [NoDaemonError, "no_daemon", EXIT.noDaemon],
  [Deno.errors.PermissionDenied, "failed", EXIT.permission],
  [Deno.errors.NotCapable, "failed", EXIT.permission],
] as const;

function kindOf(error: unknown): readonly [code: string, exitCode: number] {
  if (error instanceof PortdError) return [error.code, EXIT_OF_CODE[error.code] ?? exitCodeOf(error.cause)];
  if (error instanceof Ended) return ["failed", error.exitCode];
  if (isTimeout(error)) return ["timed_out", EXIT.timedOut];
  const [, code, exitCode] = KINDS.find(([type]) => error instanceof type) ?? [Error, "failed", EXIT.failure];
  return [code, exitCode];
}

/** What a person reads about an error. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // We throw none of these on purpose: it is a fault of portd.
  const isFault = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  if (isFault && !("code" in error)) {
    return `Cannot continue: there is a fault in portd itself (${error.message.split("\n", 1)[0]})`;
  }
  return describeSystemError(error);
}

/** Whether something did not come in time, by our clock or that of a request. */
export function isTimeout(error: unknown): boolean {
  return error instanceof TimedOutError || (error instanceof DOMException && error.name === "TimeoutError");
}
