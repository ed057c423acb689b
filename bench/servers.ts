/** The servers that are measured: daemons of our own with a file and a pool of their own, and the bare echo. */
import { RUN_FLAGS } from "../src/cli/context.ts";
import { PortdClient } from "../src/client/client.ts";
import { readDaemonFile } from "../src/state/state_folder.ts";
import { KeptConnection } from "./kept_connection.ts";
import { type Tracked, waitUntil, type Workbench } from "./workbench.ts";

/** A server to be measured. Disposing of it kills it. */
export interface Server extends AsyncDisposable {
  readonly pid: number;
  /** On 127.0.0.1. */
  readonly port: number;
}

/** A daemon to be measured. */
export interface Daemon extends Server {
  readonly client: PortdClient;
  /** From before its process was started until `/readyz` answered 200, in milliseconds. */
  readonly startMs: number;
  /** What points a portd command at it. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it as `SIGTERM` does, and waits. */
  stop(): Promise<void>;
}

/** Options of {@linkcode startDaemon}. */
export interface DaemonOptions {
  /** State folder of a daemon before. @default a new one */
  readonly stateDir?: string;
  /** @default "10000-19999" */
  readonly pool?: string;
  /** How long a freed port is withheld: a minute of grants would not fit into the pool. @default 0 */
  readonly cooldownMs?: number;
  /** Words of `portd …` of another checkout. @default those of this one */
  readonly portd?: readonly string[];
}

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const ECHO = new URL("./echo.ts", import.meta.url).pathname;

/** Words of `portd …` from source, with the permissions of the task `portd`. */
export const PORTD: readonly string[] = ["run", ...RUN_FLAGS, MAIN];

/**
 * Starts a daemon and waits until it is ready. Nothing of it touches the portd that may run on this machine: another
 * folder, another address, and a pool beside the default one.
 */
export async function startDaemon(bench: Workbench, options: DaemonOptions = {}): Promise<Daemon> {
  const { stateDir = await bench.makeFolder(), pool = "10000-19999", cooldownMs = 0, portd = PORTD } = options;
  const settings = {
    PORTD_STATE_DIR: stateDir,
    PORTD_LISTEN: "127.0.0.1:0",
    PORTD_POOL: pool,
    PORTD_COOLDOWN_MS: String(cooldownMs),
  };
  const startedAt = performance.now();
  const process = bench.spawn(Deno.execPath(), [...portd, "serve"], { env: settings });
  let port = 0;
  const isServing = async () => {
    port = portOf(stateDir, process.pid) ?? 0;
    return port !== 0 && await isReady(port);
  };
  try {
    await waitUntil(isServing, { what: "the daemon", process, pauseMs: 1 });
  } catch (error) {
    throw new Error(`Cannot start a daemon: ${await lastWords(stateDir)}`, { cause: error });
  }
  return {
    pid: process.pid,
    port,
    startMs: performance.now() - startedAt,
    env: { ...settings, PORTD_LISTEN: `127.0.0.1:${port}` },
    client: new PortdClient({ url: `http://127.0.0.1:${port}` }),
    stop: () => process.end("SIGTERM"),
    [Symbol.asyncDispose]: () => process.end("SIGKILL"),
  };
}

/** Starts the bare Hono echo. */
export async function startEcho(bench: Workbench): Promise<Server> {
  const process = bench.spawn(Deno.execPath(), ["run", "--no-prompt", "--allow-net", ECHO], { stdout: "piped" });
  const port = Number(await firstLine(process));
  return { pid: process.pid, port, [Symbol.asyncDispose]: () => process.end("SIGKILL") };
}

/** Fills a daemon with leases that stay. @param named gives each a name. */
export async function fill(client: PortdClient, count: number, named = false): Promise<void> {
  const most = 250; // in one request
  for (let done = 0, part = 0; done < count; done += most, part++) {
    await client.grantAll({
      count: Math.min(most, count - done),
      lifetime: { kind: "pinned" },
      ...(named ? { project: `bench-${part}`, name: "web" } : {}),
    });
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    using connection = await KeptConnection.open(port);
    return (await connection.exchange(connection.encode("GET", "/readyz"))).status === 200;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset) return false;
    throw error;
  }
}

async function lastWords(stateDir: string): Promise<string> {
  try {
    return (await Deno.readTextFile(`${stateDir}/daemon.log`)).trimEnd().split("\n").slice(-3).join("; ");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "it has no log";
    throw error;
  }
}

/** The first line that a process prints. @throws {Error} when it ends without one. */
export async function firstLine({ child }: Tracked): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
    text += chunk;
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  throw new Error("Cannot start a process: it ended without a word");
}

/** The port that a daemon has taken, once its process has written it down. */
function portOf(stateDir: string, pid: number): number | undefined {
  const daemon = readDaemonFile(stateDir);
  return daemon?.pid === pid ? Number(new URL(daemon.url).port) : undefined;
}
