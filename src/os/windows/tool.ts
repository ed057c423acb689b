/**
 * A tool of Windows, run to its end without a window, on and off the event loop: its output is read when there is some,
 * so that no thread waits for a tool that hangs. Manuals: CreatePipe, PeekNamedPipe.
 */
import { retryUntil } from "../../wait.ts";
import { HANDLE_FLAG_INHERIT, type Kernel32Spawn, openKernel32Spawn } from "./kernel32.ts";
import { spawn, type SpawnOptions } from "./spawn.ts";

/** How much one tool may print to each of its streams; the longest answer of netsh has some kilobytes. */
const MOST_BYTES = 1 << 20;
/** How much a tool can print before it waits until that is read. */
const PIPE_SIZE = 1 << 16;
/** The pauses between looks at a tool; most take some hundreds of milliseconds. */
const PAUSES = { pauseMs: 5, longestPauseMs: 40 };

/** Options of {@linkcode runTool}. */
export interface ToolOptions extends Pick<SpawnOptions, "cwd" | "env"> {
  /** After this time it is ended. */
  readonly timeoutMs: number;
}

/**
 * Runs a program to its end; it has nothing to read.
 *
 * @returns `undefined` when it was ended because it took too long.
 * @throws {RangeError} when it prints more than a megabyte; it is ended then.
 * @throws as {@linkcode spawn} does.
 */
export async function runTool(
  words: readonly [string, ...string[]],
  { timeoutMs, cwd, env }: ToolOptions,
  kernel32: Kernel32Spawn = openKernel32Spawn(),
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string } | undefined> {
  using stdout = new OutputPipe(kernel32);
  using stderr = new OutputPipe(kernel32);
  using child = await spawn({ words, cwd, env, stdout: stdout.writer, stderr: stderr.writer }, kernel32);
  try {
    const ended = await retryUntil(() => {
      const code = child.exitCode; // before the reading: all that it has printed is in the pipes then
      for (const pipe of [stdout, stderr]) pipe.collect();
      return code !== undefined && { code };
    }, { ...PAUSES, limitMs: timeoutMs });
    return ended && { ...ended, stdout: stdout.text, stderr: stderr.text };
  } finally {
    child.end();
  }
}

/** A pipe, and what has come out of it. */
class OutputPipe implements Disposable {
  /** The inheritable end that the program writes to. */
  readonly writer: Deno.PointerValue;
  readonly #reader: Deno.PointerValue;
  readonly #kernel32: Kernel32Spawn;
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;

  constructor(kernel32: Kernel32Spawn) {
    this.#kernel32 = kernel32;
    const reader = new BigUint64Array(1), writer = new BigUint64Array(1);
    if (kernel32.CreatePipe(reader, writer, null, PIPE_SIZE) === 0) throw new Error("Cannot make a pipe");
    this.#reader = Deno.UnsafePointer.create(reader[0]!);
    this.writer = Deno.UnsafePointer.create(writer[0]!);
    kernel32.SetHandleInformation(this.writer, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  }

  /** Reads what is there. Never waits: our own end to write to keeps the pipe open, and an empty one is not read. */
  collect(): void {
    for (let size = this.#available(); size > 0; size = this.#available()) {
      const part = new Uint8Array(size), read = new Uint32Array(1);
      if (this.#kernel32.ReadFile(this.#reader, part, size, read, null) === 0) throw new Error("Cannot read a pipe");
      this.#parts.push(part.subarray(0, read[0]!));
      this.#length += read[0]!;
      if (this.#length > MOST_BYTES) throw new RangeError(`it has printed more than ${MOST_BYTES} bytes and was ended`);
    }
  }

  /** What was collected. Tools print in the code page of the user: only its ASCII is sure. */
  get text(): string {
    const decoder = new TextDecoder();
    return this.#parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
  }

  [Symbol.dispose](): void {
    for (const end of [this.#reader, this.writer]) this.#kernel32.CloseHandle(end);
  }

  #available(): number {
    const available = new Uint32Array(1);
    const isRead = this.#kernel32.PeekNamedPipe(this.#reader, null, 0, null, available, null) !== 0;
    if (!isRead) throw new Error("Cannot look into a pipe");
    return Math.min(available[0]!, PIPE_SIZE);
  }
}
