/** Programs of the system, run to their end off the event loop. */

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
  readonly cwd?: string;
  /** Its whole environment. @default ours, in English */
  readonly env?: Readonly<Record<string, string>>;
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
  { input = "", timeoutMs, intent, ...place }: RunOptions,
): Promise<ProgramOutcome> {
  const child = spawn(command, [...first, ...args], { intent, ...place });
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
  if (limit.signal.aborted) {
    throw new ProgramError(intent, `${command} did not answer within ${timeoutMs / 1000} seconds and was ended`);
  }
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

function spawn(
  command: string,
  args: readonly string[],
  { intent, cwd, env }: Pick<RunOptions, "intent" | "cwd" | "env">,
): Deno.ChildProcess {
  const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const english = { LANG: "C", LC_ALL: "C", LANGUAGE: "C" };
  const place = { env: { ...english, ...env }, clearEnv: env !== undefined, ...(cwd !== undefined && { cwd }) };
  try {
    return new Deno.Command(command, { args: [...args], ...place, ...pipes }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new ProgramError(intent, `${command} is not installed`, error);
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new ProgramError(intent, `${command} may not be run`, error);
    }
    throw error;
  }
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
