/**
 * The daemon: starts its parts in order, serves, and stops them in the order turned round. Nothing is answered before
 * the leases are loaded and their holds taken again.
 *
 * The HTTP layer is passed in, as src/ does not know it.
 */
import { systemClock } from "../clock.ts";
import type { Config } from "../config.ts";
import { PortdError } from "../errors.ts";
import { StoreLockedError } from "../lease/store/open.ts";
import {
  type DaemonFile,
  prepareStateFolder,
  readDaemonFile,
  readOrMakeToken,
  removeDaemonFile,
  writeDaemonFile,
} from "../state/state_folder.ts";
import { VERSION } from "../version.ts";
import type { Listing } from "../watch/listing.ts";
import { Entrance, isLoopback } from "./api_server.ts";
import { type Domain, openDomain } from "./domain.ts";
import type { Handler } from "./serve.ts";

/** What the HTTP layer is given. */
export interface Services extends Domain {
  readonly guard: {
    readonly hosts: ReadonlySet<string>;
    readonly token: string;
    readonly anonymous: "lease" | "none";
  };
  /** The port of the API. */
  readonly port: number;
  /** Values of the Host header at which nobody but this daemon can be reached on this machine. */
  readonly provable: ReadonlySet<string>;
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
  readonly createApp: (services: Services) => { readonly fetch: Handler };
  readonly log: (line: string) => void;
  /** Told the URL once requests are served. */
  readonly onReady?: (url: string) => void;
  /** The addresses, where another run with them came before or may follow. @default those of this run alone */
  readonly entrance?: Entrance;
  /** Asked at the end: whether another run follows at once, for which requests may wait. @default there is none */
  readonly isFollowed?: () => boolean;
}

/** Requests in hand at a stop have so long to finish: with all the rest it is to be done within five seconds. */
const SHUTDOWN_MS = 3000;
const DAY_MS = 86_400_000;
/** Characters of a stranger's command line in a warning. */
const MOST_OF_COMMAND = 80;

/**
 * Runs until it is stopped, or until another program has taken an address of it.
 *
 * @throws {PortdError} `port_in_use` in the second case, and when the state folder, the file or the address cannot be had; the message names another daemon
 * that has them.
 */
export async function runDaemon(config: Config, options: DaemonOptions): Promise<void> {
  const { log } = options;
  prepareStateFolder(config.stateDir);
  const token = readOrMakeToken(config.stateDir);
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const domain = await openOrRefuse(config, log);
  const { entrance = new Entrance(), isFollowed = () => false } = options;
  let isReady = false;
  let loss: Error | undefined;
  entrance.lost.then((error) => {
    loss = error;
    stopping.abort();
  });
  try {
    await entrance.listen(config.listen, log);
    const guard = { hosts: entrance.hosts, token, anonymous: anonymousScope(config) };
    const state = { isReady: () => isReady && !signal.aborted, stop: () => stopping.abort(), signal, log };
    const { provable, port } = entrance;
    const notes = await entranceWarnings(entrance, domain);
    const services: Services = { ...domain, ...state, guard, provable, port, status: statusOf(domain, notes) };
    entrance.open(options.createApp(services).fetch);
    const { url } = entrance;
    const startTime = domain.processes.find(Deno.pid)?.startTime ?? "";
    const needsToken = guard.anonymous === "none";
    notes.push(...announce(config.stateDir, { url, pid: Deno.pid, startTime, version: VERSION, needsToken }));
    for (const note of notes) log(`warning: ${note}`);
    isReady = true;
    log(`portd ${VERSION} (pid ${Deno.pid}) serves ${url}, state in ${config.stateDir}`);
    options.onReady?.(url);
    await watchUntil(signal, domain, config, log);
    log("stopping");
    if (!isFollowed()) removeDaemonFile(config.stateDir, Deno.pid);
    if (loss !== undefined) throw loss;
  } finally {
    stopping.abort();
    domain.registry.close();
    await (isFollowed() ? entrance.hold(SHUTDOWN_MS) : entrance.close(SHUTDOWN_MS));
    await domain.close();
  }
  log("stopped");
}

/** What `GET /status` answers. */
function statusOf({ clock, describe }: Domain, notes: readonly string[]): () => object {
  const startedAt = new Date(clock.now()).toISOString();
  return () => {
    const status = describe();
    return { ...status, warnings: [...status.warnings, ...notes], version: VERSION, pid: Deno.pid, startedAt };
  };
}

/** Writes `daemon.json`. A full disk does not keep the daemon from serving: it is a warning. @returns the warnings. */
function announce(folder: string, daemon: DaemonFile): string[] {
  try {
    writeDaemonFile(folder, daemon);
    return [];
  } catch (error) {
    const reason = (error as Error).message;
    return [
      `cannot write ${folder}/daemon.json: ${reason}; only who knows the address ${daemon.url} finds this daemon`,
    ];
  }
}

/** What is wrong with the addresses, and what to do about it. */
async function entranceWarnings({ contested, url, isGuarded }: Entrance, { listing }: Domain): Promise<string[]> {
  const warnings: string[] = [];
  if (contested !== undefined) {
    const who = await whoListens(listing, contested);
    warnings.push(
      `${who} listens on ${contested}, where "localhost" may lead: end it and restart portd, or use ${url} alone`,
    );
  }
  if (Deno.build.os === "linux" && !isGuarded) {
    warnings.push(
      `the address ${url} is not guarded: another user may take it while portd has no descriptor left; restart portd`,
    );
  }
  return warnings;
}

async function whoListens(listing: Listing, address: string): Promise<string> {
  const { hostname, port } = new URL(`http://${address}`);
  for await (const sockets of listing.list({ port: Number(port), protocol: "tcp" })) {
    const socket = sockets.find(({ localAddress }) => hostname === `[${localAddress}]` || localAddress === "::");
    if (socket === undefined) continue;
    const { pid, process } = socket;
    return pid === null
      ? "a program of another user"
      : `pid ${pid} (${process?.command?.slice(0, MOST_OF_COMMAND) ?? "unknown command"})`;
  }
  return "another program";
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

async function watchUntil(
  signal: AbortSignal,
  { watch, store, clock }: Domain,
  { watchMs, historyDays }: Config,
  log: (line: string) => void,
): Promise<void> {
  const forget = () => void store.forget(clock.now() - historyDays * DAY_MS, clock.now() - DAY_MS);
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
  return isLoopback(listen) ? auth.anonymous : "none";
}
