/** Programs of the system, run to their end off the event loop. On Windows windows/tool.ts runs them, without a window. */
import { runTool } from "./windows/tool.ts";

/** A program by its absolute path, with its leading arguments. */
export type Program = readonly [string, ...string[]];

/** Options of {@linkcode runProgram}. */
export interface RunOptions {
  /** What it reads from its stdin. @default nothing */
  readonly input?: string;
  /** After this time it is killed. */
  readonly timeoutMs: number;
  /** What the program is run for, as in the message: `read the firewall`. */
  readonly intent: string;
  /** The folder it runs in. @default ours */
  readonly cwd?: string | undefined;
  /** Its whole environment. @default ours, in English */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A program could not be run to its end; the message is `Cannot <intent>: <reason>`. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";

  constructor(intent: string, reason: string, cause?: unknown) {
    super(`Cannot ${intent}: ${reason}`, { cause });
  }
}

/** How a program ended, and what it printed. */
export interface ProgramOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end, in English. The caller decides what its exit code means.
 *
 * @throws {ProgramError} when it is not installed, may not be run, or takes too long.
 */
export async function runProgram(
  [command, ...first]: Program,
  args: readonly string[],
  options: RunOptions,
): Promise<ProgramOutcome> {
  const { timeoutMs, intent } = options, run = Deno.build.os === "windows" ? runTool : runPiped;
  const outcome = await run([command, ...first, ...args], options).catch((error) => {
    throw reasonOf(error, command, intent);
  });
  if (outcome !== undefined) return outcome;
  throw new ProgramError(intent, `${command} did not answer within ${timeoutMs / 1000} seconds and was ended`);
}

/** @returns `undefined` when it was ended because it took too long. */
async function runPiped(
  words: Program,
  { input = "", timeoutMs, cwd, env }: RunOptions,
): Promise<ProgramOutcome | undefined> {
  const child = spawn(words, { cwd, env });
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
    child.kill("SIGKILL");
  }, timeoutMs);
  // All of them are awaited, also when one fails: nothing of the program may be left when the next call begins.
  const [status, stdout, stderr, written] = await Promise.allSettled([
    child.status,
    textOf(child.stdout, limit.signal),
    textOf(child.stderr, limit.signal),
    writeAll(child.stdin, input, limit.signal),
  ]);
  clearTimeout(timer);
  if (limit.signal.aborted) return undefined;
  valueOf(written);
  return { code: valueOf(status).code, stdout: valueOf(stdout), stderr: valueOf(stderr) };
}

/**
 * What a program prints; nothing when it is not installed.
 *
 * @throws {ProgramError} when it may not be run, or takes too long.
 */
export async function outputOf(program: Program, args: readonly string[], options: RunOptions): Promise<string> {
  try {
    return (await runProgram(program, args, options)).stdout;
  } catch (error) {
    if (error instanceof ProgramError && error.cause instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function valueOf<Value>(settled: PromiseSettledResult<Value>): Value {
  if (settled.status === "rejected") throw settled.reason;
  return settled.value;
}

function spawn([command, ...args]: Program, { cwd, env }: Pick<RunOptions, "cwd" | "env">): Deno.ChildProcess {
  const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const english = { LANG: "C", LC_ALL: "C", LANGUAGE: "C" };
  const place = { env: { ...english, ...env }, clearEnv: env !== undefined, ...(cwd !== undefined && { cwd }) };
  return new Deno.Command(command, { args, ...place, ...pipes }).spawn();
}

/** Why a program could not be started, or not be run to its end; other errors as they are. */
function reasonOf(error: unknown, command: string, intent: string): unknown {
  if (error instanceof Deno.errors.NotFound) return new ProgramError(intent, `${command} is not installed`, error);
  if (error instanceof Deno.errors.PermissionDenied) {
    return new ProgramError(intent, `${command} may not be run`, error);
  }
  return error instanceof RangeError ? new ProgramError(intent, `${command}: ${error.message}`, error) : error;
}

/** Children of a killed program may keep its pipes open: the signal ends the reading. */
async function textOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>, signal: AbortSignal): Promise<string> {
  let text = "";
  const write = (part: string) => void (text += part);
  await stream.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream({ write }), { signal });
  return text;
}

/** Writes the input. A program may end before it has read all: then its exit code says why. */
async function writeAll(stdin: WritableStream<Uint8Array>, input: string, signal: AbortSignal): Promise<void> {
  try {
    await new Blob([input]).stream().pipeTo(stdin, { signal });
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
