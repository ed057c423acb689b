/**
 * A tool of Windows, run to its end without a window, on and off the event loop: its output is read when there is some,
 * and its input is written when there is room, so that no thread waits for a tool that hangs.
 */
import { retryUntil } from "../../wait.ts";
import { type Kernel32Spawn, openKernel32Spawn } from "./kernel32.ts";
import { InputPipe, OutputPipe } from "./pipes.ts";
import { spawn, type SpawnOptions } from "./spawn.ts";

/** The pauses between looks at a tool; most take some hundreds of milliseconds. */
const PAUSES = { pauseMs: 5, longestPauseMs: 40 };

/** Options of {@linkcode runTool}. */
export interface ToolOptions extends Pick<SpawnOptions, "cwd" | "env"> {
  /** What it reads from its stdin. @default nothing */
  readonly input?: string;
  /** After this time it is ended. */
  readonly timeoutMs: number;
}

/**
 * Runs a program to its end.
 *
 * @returns `undefined` when it was ended because it took too long.
 * @throws {RangeError} when it prints more than a megabyte; it is ended then.
 * @throws as {@linkcode spawn} does.
 */
export async function runTool(
  words: readonly [string, ...string[]],
  { input = "", timeoutMs, cwd, env }: ToolOptions,
  kernel32: Kernel32Spawn = openKernel32Spawn(),
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string } | undefined> {
  using stdout = new OutputPipe(kernel32);
  using stderr = new OutputPipe(kernel32);
  using stdin = input === "" ? undefined : new InputPipe(input, kernel32);
  const streams = { stdin: stdin?.reader ?? null, stdout: stdout.writer, stderr: stderr.writer };
  using child = await spawn({ words, cwd, env, ...streams }, kernel32);
  stdin?.closeReader();
  try {
    const ended = await retryUntil(() => {
      const code = child.exitCode; // before the reading: all that it has printed is in the pipes then
      stdin?.feed();
      for (const pipe of [stdout, stderr]) pipe.collect();
      return code !== undefined && { code };
    }, { ...PAUSES, limitMs: timeoutMs });
    return ended && { ...ended, stdout: stdout.text, stderr: stderr.text };
  } finally {
    child.end();
  }
}
