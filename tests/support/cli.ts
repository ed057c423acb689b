/** Running portd's command line inside the test's process, with everything around it in hand. */
import { runCli } from "../../src/cli/cli.ts";
import type { CliContext, CliProcess } from "../../src/cli/context.ts";

/** What a command left. */
export interface CliOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is around a command. */
export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Told each piece of stdout as it is written. */
  readonly onStdout?: (text: string) => void;
  /** Handlers of signals are added to it. */
  readonly signals?: FakeSignals;
  readonly self?: readonly string[];
  /** Whether stdout is a terminal, of 80 columns and 24 rows. */
  readonly isTerminal?: boolean;
  /** What is typed at a terminal, piece by piece; without it stdin is no terminal. */
  readonly typed?: readonly string[];
}

/** Signals that a test sends to a command in its own process. */
export class FakeSignals {
  readonly #handlers = new Set<readonly [readonly Deno.Signal[], (name: Deno.Signal) => void]>();

  /** How many listen now. */
  get listeners(): number {
    return this.#handlers.size;
  }

  /** Delivers a signal. */
  send(name: Deno.Signal): void {
    for (const [names, handle] of this.#handlers) if (names.includes(name)) handle(name);
  }

  /** Stands in for `CliContext.onSignal`. */
  readonly listen = (names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void): () => void => {
    const entry = [names, handle] as const;
    this.#handlers.add(entry);
    return () => void this.#handlers.delete(entry);
  };
}

/** Runs one command line; nothing of the test's own environment is seen by it. */
export async function portd(args: readonly string[], options: CliOptions = {}): Promise<CliOutcome> {
  const written = { stdout: "", stderr: "" };
  const context = contextOf(args, options, (stream, text) => {
    written[stream] += text;
    if (stream === "stdout") options.onStdout?.(text);
  });
  const code = await runCli(args, context);
  return { code, ...written };
}

function contextOf(
  args: readonly string[],
  { cwd = "/nowhere", env = {}, signals = new FakeSignals(), self = ["/nowhere/portd"], typed, isTerminal = false }:
    CliOptions,
  write: (stream: "stdout" | "stderr", text: string) => void,
): CliContext {
  const dashes = args[0] === "run" ? args.indexOf("--") : -1;
  const stream = (name: "stdout" | "stderr") => ({
    isTerminal,
    getColorDepth: () => 1,
    getSize: () => ({ columns: 80, rows: 24 }),
    write: (text: string) => write(name, text),
  });
  const process: CliProcess = { stdout: stream("stdout"), stderr: stream("stderr"), stdin: typedInput(typed) };
  return {
    process,
    env,
    cwd,
    os: Deno.build.os,
    isRoot: false,
    behindDashes: dashes === -1 ? undefined : args.slice(dashes + 1),
    self,
    onSignal: signals.listen,
    loadDaemon: () => Promise.reject(new Error("Cannot load the daemon in this test")),
  };
}

function typedInput(typed: readonly string[] | undefined): CliProcess["stdin"] {
  const pieces = [...typed ?? []];
  const read = (buffer: Uint8Array) => {
    const piece = pieces.shift();
    return Promise.resolve(piece === undefined ? null : new TextEncoder().encodeInto(piece, buffer).written);
  };
  return { isTerminal: typed !== undefined, read };
}
