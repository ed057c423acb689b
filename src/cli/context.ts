/** What a command works with. It is passed in, so that tests can pass their own. */
import type { CommandContext } from "@stricli/core";
import type { NetworkFacts } from "../adapters/adapters.ts";
import type { ServeCheckerOptions } from "../checker/serve.ts";
import type { Config } from "../config.ts";
import type { DaemonOptions } from "../daemon/daemon.ts";
import type { FirewallBackend } from "../firewall/backend.ts";
import type { Wsl } from "../os/linux/wsl.ts";
import type { ServiceControl, ServiceOptions } from "../service/service.ts";

/** Flags of every command. */
export type CommonFlags = {
  /** Address of the daemon. */
  readonly url?: string;
  readonly stateDir?: string;
  /** Whether the daemon is not to be started when none runs. */
  readonly noStart?: boolean;
  readonly json?: boolean;
};

/** The members that have a value: flags that were not given have none. */
export function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>;
}

type Given<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** A stream that commands write text to. */
export interface TextStream {
  readonly isTerminal: boolean;
  /** What of an answer `writeJson` prints. @default all of it */
  readonly choose?: (answer: unknown) => unknown;
  /** Writes all of the text, or throws. */
  readonly write: (text: string) => void;
  /** Bits of colour that may be used; 1 is none. */
  readonly getColorDepth: () => number;
  /** The size of the terminal in characters; 80 × 24 where it is none or has none. */
  readonly getSize: () => { readonly columns: number; readonly rows: number };
}

/** The process as commands see it. */
export interface CliProcess {
  /** For the answer. */
  readonly stdout: TextStream;
  /** For everything else. */
  readonly stderr: TextStream;
  readonly stdin: {
    readonly isTerminal: boolean;
    /** Reads what has been typed; null at the end of the input. */
    readonly read: (buffer: Uint8Array) => Promise<number | null>;
  };
  /** Set by a command that fails. */
  exitCode?: number;
}

/** The daemon that `portd serve` runs: src/daemon/daemon.ts with its HTTP layer. */
export type RunDaemon = (
  config: Config,
  options: Required<Pick<DaemonOptions, "signal" | "log" | "details" | "onReady">>,
) => Promise<void>;

/** Runs a checker: src/checker/serve.ts with its HTTP layer. */
export type RunChecker = (options: Omit<ServeCheckerOptions, "createApp">) => Promise<void>;

/** Context of every command. */
export interface CliContext extends CommandContext {
  readonly process: CliProcess;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly os: typeof Deno.build.os;
  /** Whether the user is root; false on Windows. */
  readonly isRoot: boolean;
  /** What WSL this is; `undefined` where it is none. */
  readonly wsl: () => Promise<Wsl | undefined>;
  /** The addresses of this machine. */
  readonly interfaces: () => readonly Deno.NetworkInterfaceInfo[];
  /** The network of this machine, read by this process. */
  readonly readNetwork: () => Promise<NetworkFacts>;
  /** Opens an address in the user's browser. @returns why not, in words; `undefined` when it was opened. */
  readonly openBrowser: (address: string) => Promise<string | undefined>;
  /** The words of the command line after the program's name. */
  readonly args: readonly string[];
  /** Whether `deno task` of a checkout runs this, and not an installed portd. */
  readonly isTask: boolean;
  /** Whether this process runs one command only, so that all its children belong to that command. */
  readonly ownsProcess: boolean;
  /** The words after the first `--` of `run`; `undefined` where there is no `--`. */
  readonly behindDashes: readonly string[] | undefined;
  /** The program and its first arguments, with which portd starts another portd. */
  readonly self: readonly string[];
  /** How long one answer of a daemon may take, in milliseconds. @default the client's own limit */
  readonly answerMs?: number;
  /** Calls back on those of these signals that the OS has, until the returned function is called. */
  readonly onSignal: (names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void) => () => void;
  /** Stops this process until its shell lets it go on, as Ctrl-Z does. */
  readonly suspend: () => void;
  /** Runs another command line in this process. @returns its exit code. */
  readonly runCommand: (args: readonly string[], context: CliContext) => Promise<number>;
  /** Loads the daemon. Heavy: only `serve` does. */
  readonly loadDaemon: () => Promise<RunDaemon>;
  /** Loads what a checker is made of, which is nothing of the daemon. */
  readonly loadChecker: () => Promise<RunChecker>;
  /** Makes the OpenAPI document of the HTTP API. */
  readonly loadOpenApi: () => Promise<object>;
  /** The service of the system, or that of this user. */
  readonly openService: (options: Pick<ServiceOptions, "isUser">) => Promise<ServiceControl>;
  /** The firewall of the host, as a daemon of this configuration would have it. */
  readonly openFirewall: (config: Config) => Promise<FirewallBackend>;
}

/** Options of {@linkcode systemContext}. */
export interface SystemContextOptions
  extends Pick<CliContext, "runCommand" | "loadDaemon" | "loadChecker" | "loadOpenApi" | "openFirewall"> {
  readonly args: readonly string[];
  /** Address of the module that was started. */
  readonly mainUrl: string;
  readonly openService: (options: ServiceOptions) => Promise<ServiceControl>;
}

/**
 * How Deno runs portd from source: the flags of the task `portd` in deno.json. Those for V8 keep the daemon small; the
 * commands have them too, as code that was compiled with other flags is compiled again.
 */
export const RUN_FLAGS: readonly string[] = [
  "--v8-flags=--max-semi-space-size=8,--heap-growing-percent=50",
  "--no-prompt",
  ...["net", "read", "write", "env", "sys", "run", "ffi"].map((name) => `--allow-${name}`),
];

/**
 * The deno.json beside the bundle, where npm has installed that: Deno looks for none in node_modules. packaging/npm's
 * launcher names it too.
 */
function configWords(mainUrl: string): readonly string[] {
  if (!mainUrl.includes("/node_modules/")) return [];
  const path = decodeURIComponent(new URL("deno.json", mainUrl).pathname);
  return [`--config=${Deno.build.os === "windows" ? path.slice(1) : path}`];
}

/** The context of the process that runs. */
export function systemContext(options: SystemContextOptions): CliContext {
  const { args, mainUrl, openService, ...loaders } = options;
  const env = Deno.env.toObject();
  const wsl = findWslOnce();
  const dashes = args[0] === "run" ? args.indexOf("--") : -1;
  return {
    process: {
      stdout: textStream(Deno.stdout, env),
      stderr: textStream(Deno.stderr, env),
      stdin: { isTerminal: Deno.stdin.isTerminal(), read: (buffer) => Deno.stdin.read(buffer) },
    },
    env,
    cwd: Deno.cwd(),
    os: Deno.build.os,
    isRoot: Deno.build.os !== "windows" && Deno.uid() === 0,
    wsl,
    interfaces: Deno.networkInterfaces,
    async readNetwork() {
      const { openNetworkReader }: typeof import("../adapters/open.ts") = await import("../adapters/open.ts" as string);
      return await openNetworkReader().read();
    },
    async openBrowser(address) {
      const { openBrowser, startProgram }: typeof import("../os/browser.ts") = await import(
        "../os/browser.ts" as string
      );
      return await openBrowser(address, { os: Deno.build.os, env, wsl: await wsl(), start: startProgram });
    },
    args,
    // deno task sets INIT_CWD, as npm does; only a checkout has a main.ts.
    isTask: env.INIT_CWD !== undefined && mainUrl.endsWith("/main.ts"),
    ownsProcess: true,
    behindDashes: dashes === -1 ? undefined : args.slice(dashes + 1),
    self: Deno.build.standalone
      ? [Deno.execPath()]
      : [Deno.execPath(), "run", ...RUN_FLAGS, ...configWords(mainUrl), mainUrl],
    onSignal: listenForSignals,
    suspend: () => Deno.kill(Deno.pid, "SIGSTOP"),
    ...loaders,
    openService: ({ isUser }) => openService({ isUser, os: Deno.build.os, env, onSignal: listenForSignals }),
  };
}

/** Only a kernel whose name may be one of WSL's is worth loading what reads `/proc`; cli.ts says why it is `as string`. */
function findWslOnce(): CliContext["wsl"] {
  let found: Promise<Wsl | undefined> | undefined;
  const find = async () => {
    if (Deno.build.os !== "linux" || !/microsoft|wsl/i.test(Deno.osRelease())) return undefined;
    const { readThisWsl }: typeof import("../os/linux/wsl.ts") = await import("../os/linux/wsl.ts" as string);
    return readThisWsl();
  };
  return () => found ??= find();
}

function listenForSignals(names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void): () => void {
  const listeners = names.map((name) => [name, () => handle(name)] as const).filter(addListener);
  return () => {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  };
}

/** @returns false where this Deno does not have the signal: which ones there are on Windows depends on its version. */
function addListener([name, listener]: readonly [Deno.Signal, () => void]): boolean {
  try {
    Deno.addSignalListener(name, listener);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function textStream(stream: typeof Deno.stdout, env: Readonly<Record<string, string>>): TextStream {
  const isTerminal = stream.isTerminal();
  const isColoured = isTerminal && !env.NO_COLOR && env.TERM !== "dumb";
  return {
    isTerminal,
    getColorDepth: () => isColoured ? 4 : 1,
    getSize() {
      const { columns, rows } = isTerminal ? Deno.consoleSize() : { columns: 0, rows: 0 };
      return { columns: columns || 80, rows: rows || 24 }; // a terminal without a window has 0
    },
    write(text) {
      const bytes = new TextEncoder().encode(text);
      for (let sent = 0; sent < bytes.length;) sent += stream.writeSync(bytes.subarray(sent));
    },
  };
}
