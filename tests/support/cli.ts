/** Running portd's command line inside the test's process, with everything around it in hand. */
import { openApiDocument } from "../../routes/openapi.ts";
import { runCli } from "../../src/cli/cli.ts";
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import type { CliContext, CliProcess, RunChecker, RunDaemon } from "../../src/cli/context.ts";
import type { Wsl } from "../../src/os/linux/wsl.ts";
import type { ServiceControl } from "../../src/service/service.ts";
import { FakeFirewall } from "./firewall.ts";
import { FakeServiceControl } from "./service.ts";

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
  /** Called with each piece of stdout as it is written. */
  readonly onStdout?: (text: string) => void;
  /** Handlers of signals are added to it. */
  readonly signals?: FakeSignals;
  /** Called when the command is to be suspended. @default a fault */
  readonly onSuspend?: () => void;
  readonly self?: readonly string[];
  /** Whether stdout and stderr are a terminal, of 24 rows. */
  readonly isTerminal?: boolean;
  /** Its columns. @default 80 */
  readonly columns?: number;
  /** Its size, where that changes. @default its columns, and 24 rows */
  readonly sizeNow?: () => { readonly columns: number; readonly rows: number };
  /** Whether it has colours. @default false, as with NO_COLOR */
  readonly isColoured?: boolean;
  /** Whether `deno task` runs the command. */
  readonly isTask?: boolean;
  /** What is typed at a terminal, piece by piece; without it stdin is no terminal. */
  readonly typed?: readonly string[];
  /** What a pipe gives on stdin. */
  readonly piped?: string;
  readonly os?: typeof Deno.build.os;
  /** @default false */
  readonly isRoot?: boolean;
  /** What WSL the machine is. @default none */
  readonly wsl?: Wsl;
  /** The addresses of the machine. @default none */
  readonly interfaces?: readonly Deno.NetworkInterfaceInfo[];
  /** The network of the machine. @default none can be read */
  readonly network?: NetworkFacts;
  /** The service control of the system, and of the user. */
  readonly service?: ServiceControl;
  /** @default one of a machine without a desktop */
  readonly openBrowser?: CliContext["openBrowser"];
  readonly daemon?: RunDaemon;
  readonly checker?: RunChecker;
  /** How long one answer may take, in milliseconds. */
  readonly answerMs?: number;
  /** The firewall of the host, in which portd's rules are those of owner `00000000`. @default one without rules */
  readonly firewall?: FakeFirewall;
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
  options: CliOptions,
  write: (stream: "stdout" | "stderr", text: string) => void,
): CliContext {
  const { cwd = "/nowhere", env = {}, signals = new FakeSignals(), self = ["/nowhere/portd"] } = options;
  const { typed, isTerminal = false, columns = 80, isColoured = false, os = Deno.build.os, daemon } = options;
  const { firewall = new FakeFirewall(), service = new FakeServiceControl() } = options;
  const dashes = args[0] === "run" ? args.indexOf("--") : -1;
  const stream = (name: "stdout" | "stderr") => ({
    isTerminal,
    getColorDepth: () => isColoured ? 4 : 1,
    getSize: options.sizeNow ?? (() => ({ columns, rows: 24 })),
    write: (text: string) => write(name, text),
  });
  const process: CliProcess = {
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    stdin: typedInput(typed, options.piped),
  };
  return {
    process,
    env,
    cwd,
    os,
    isRoot: options.isRoot ?? false,
    wsl: () => Promise.resolve(options.wsl),
    interfaces: () => options.interfaces ?? [],
    readNetwork: () => givenOr(options.network, "Cannot read the network in this test"),
    openBrowser: options.openBrowser ?? (() => Promise.resolve("there is no desktop here")),
    args,
    isTask: options.isTask ?? false,
    suspend: options.onSuspend ?? (() => {
      throw new Error("Cannot suspend the test");
    }),
    ownsProcess: false,
    behindDashes: dashes === -1 ? undefined : args.slice(dashes + 1),
    self,
    onSignal: signals.listen,
    runCommand: runCli,
    ...(options.answerMs !== undefined && { answerMs: options.answerMs }),
    loadChecker: () => givenOr(options.checker, "Cannot load the checker in this test"),
    loadOpenApi: openApiDocument,
    loadDaemon: () => givenOr(daemon, "Cannot load the daemon in this test"),
    openFirewall: () => Promise.resolve(firewall.backend("00000000")),
    openService: () => Promise.resolve(service),
  };
}

function givenOr<Part>(part: Part | undefined, reason: string): Promise<Part> {
  return part === undefined ? Promise.reject(new Error(reason)) : Promise.resolve(part);
}

function typedInput(typed: readonly string[] | undefined, piped: string | undefined): CliProcess["stdin"] {
  const pieces = [...typed ?? [], ...piped ? [piped] : []];
  const read = (buffer: Uint8Array) => {
    const piece = pieces.shift();
    return Promise.resolve(piece === undefined ? null : new TextEncoder().encodeInto(piece, buffer).written);
  };
  return { isTerminal: typed !== undefined, read };
}
