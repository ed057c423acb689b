/**
 * The daemon: starts its parts in order, serves, and stops them in the order turned round. Nothing is answered before
 * the leases are loaded and their holds taken again.
 *
 * The HTTP layer is passed in, as src/ does not know it.
 */
import { systemClock } from "./clock.ts";
import { type Config, splitAddress } from "./config.ts";
import { PortdError } from "./errors.ts";
import type { Domain } from "./domain.ts";
import { openDomain } from "./domain.ts";
import { serve, type Serving } from "./serve.ts";
import {
  prepareStateFolder,
  readDaemonFile,
  readOrMakeToken,
  removeDaemonFile,
  writeDaemonFile,
} from "./state_folder.ts";
import { StoreLockedError } from "./store/open.ts";
import { VERSION } from "./version.ts";

/** What the HTTP layer is given. */
export interface Services extends Domain {
  readonly guard: {
    readonly hosts: ReadonlySet<string>;
    readonly token: string;
    readonly anonymous: "lease" | "none";
  };
  readonly isReady: () => boolean;
  readonly status: () => unknown;
  readonly stop: () => void;
  /** Ends streams when the daemon stops. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Options of {@linkcode runDaemon}. */
export interface DaemonOptions {
  /** Stops the daemon. */
  readonly signal: AbortSignal;
  /** Makes the HTTP layer. */
  readonly createApp: (services: Services) => { fetch(request: Request): Response | Promise<Response> };
  readonly log: (line: string) => void;
  /** Told the URL once requests are served. */
  readonly onReady?: (url: string) => void;
}

/** Requests in hand at a stop have so long to finish: with all the rest it is to be done within five seconds. */
const SHUTDOWN_MS = 3000;
const DAY_MS = 86_400_000;
const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);

/**
 * Runs until it is stopped.
 *
 * @throws {PortdError} when the state folder, the file or the address cannot be had; the message names another daemon
 * that has them.
 */
export async function runDaemon(config: Config, options: DaemonOptions): Promise<void> {
  const { log } = options;
  prepareStateFolder(config.stateDir);
  const token = readOrMakeToken(config.stateDir);
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const domain = await openOrRefuse(config, log);
  const hosts = new Set<string>();
  let isReady = false;
  const startedAt = domain.clock.now();
  const services: Services = {
    ...domain,
    guard: { hosts, token, anonymous: anonymousScope(config) },
    isReady: () => isReady && !signal.aborted,
    status: () => ({
      ...domain.describe(),
      version: VERSION,
      pid: Deno.pid,
      startedAt: new Date(startedAt).toISOString(),
    }),
    stop: () => stopping.abort(),
    signal,
    log,
  };
  const servers: Serving[] = [];
  try {
    const app = options.createApp(services);
    const url = await listenAll(config, app.fetch, { servers, hosts, log });
    const startTime = domain.processes.find(Deno.pid)?.startTime ?? "";
    const needsToken = services.guard.anonymous === "none";
    writeDaemonFile(config.stateDir, { url, pid: Deno.pid, startTime, version: VERSION, needsToken });
    isReady = true;
    log(`portd ${VERSION} (pid ${Deno.pid}) serves ${url}, state in ${config.stateDir}`);
    options.onReady?.(url);
    await watchUntil(signal, domain, config, log);
    log("stopping");
    removeDaemonFile(config.stateDir, Deno.pid);
  } finally {
    stopping.abort();
    domain.registry.close();
    await Promise.all(servers.map((server) => server.shutdown(SHUTDOWN_MS)));
    await domain.close();
  }
  log("stopped");
}

async function openOrRefuse(config: Config, log: (line: string) => void): Promise<Domain> {
  try {
    return await openDomain(config, { clock: systemClock(), log });
  } catch (error) {
    if (!(error instanceof StoreLockedError)) throw error;
    const other = readDaemonFile(config.stateDir);
    const who = other === undefined ? "another portd" : `portd ${other.version} (pid ${other.pid})`;
    const message = `Cannot start: ${who} already serves ${config.stateDir}${other ? ` at ${other.url}` : ""}`;
    throw new PortdError("store_unavailable", message, { ...other }, { cause: error });
  }
}

interface ListenParts {
  readonly servers: Serving[];
  readonly hosts: Set<string>;
  readonly log: (line: string) => void;
}

/** Listens on the configured address, and on both loopback addresses where it is one of them. @returns the URL. */
async function listenAll(
  config: Config,
  handler: (request: Request) => Response | Promise<Response>,
  { servers, hosts, log }: ListenParts,
): Promise<string> {
  const { host, port: wished } = splitAddress(config.listen)!;
  const [first, second] = host === "::1" ? ["::1", undefined] : LOOPBACK.has(host) ? ["127.0.0.1", "::1"] : [host];
  const serving = await serveOrRefuse({ hostname: first!, port: wished, handler, log });
  servers.push(serving);
  const { port } = serving;
  if (second !== undefined) {
    try {
      servers.push(serve({ hostname: second, port, handler, log }));
    } catch (error) {
      log(`not on [${second}]:${port}: ${(error as Error).message}`);
    }
  }
  for (const name of ["localhost", "127.0.0.1", "[::1]", literal(host)]) hosts.add(`${name}:${port}`);
  return `http://${literal(host === "localhost" ? "127.0.0.1" : host)}:${port}`;
}

async function serveOrRefuse(options: Parameters<typeof serve>[0]): Promise<Serving> {
  try {
    return serve(options);
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "port_in_use") throw error;
    const url = `http://${literal(options.hostname)}:${options.port}`;
    const other = await whoServes(url);
    if (other === undefined) throw error;
    throw new PortdError("port_in_use", `Cannot start: ${other} already serves ${url}`, { port: options.port });
  }
}

/** The portd that answers at an address. */
async function whoServes(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(2000) });
    const { version, pid, type } = await response.json();
    if (String(type).startsWith("urn:portd:")) return "a portd that asks for a token";
    return typeof version === "string" ? `portd ${version} (pid ${pid})` : undefined;
  } catch (error) {
    // Whatever is there does not speak our language.
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException) return undefined;
    throw error;
  }
}

async function watchUntil(
  signal: AbortSignal,
  { watch, store, clock }: Domain,
  { watchMs, historyDays }: Config,
  log: (line: string) => void,
): Promise<void> {
  const forget = () => store.forget(clock.now() - historyDays * DAY_MS, clock.now() - DAY_MS);
  let nextForget = 0;
  while (!signal.aborted) {
    try {
      await watch.look();
      if (clock.monotonic() >= nextForget) {
        forget();
        nextForget = clock.monotonic() + DAY_MS / 24;
      }
    } catch (error) {
      log(`watch: ${(error as Error).message}`);
    }
    await pause(watchMs, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** Beyond loopback everything takes the token. */
function anonymousScope({ listen, auth }: Config): "lease" | "none" {
  return LOOPBACK.has(splitAddress(listen)!.host) ? auth.anonymous : "none";
}

function literal(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
