/**
 * The daemon: starts its parts in order, serves, and stops them in reverse order. It answers nothing before the leases
 * are loaded and their holds are taken again.
 *
 * src/ does not know the HTTP layer: it is passed in.
 */
import { TabSessions } from "../caller/tab_sessions.ts";
import type { DaemonStatus } from "../client/wire.ts";
import { systemClock } from "../clock.ts";
import type { Config } from "../config.ts";
import { messageOf, PortdError, reasonOf } from "../errors.ts";
import { StoreLockedError } from "../lease/store/open.ts";
import type { WriteDetails, WriteLine } from "../log_line.ts";
import type { Histogram } from "../metrics/histogram.ts";
import { newServerCounts, type ServerCounts } from "../metrics/server_counts.ts";
import type { GuardAddress } from "../network/open.ts";
import { endsWithJob } from "../os/windows/job.ts";
import { shortCommand } from "../process/command_line.ts";
import { prepareStateFolder, readOrMakeToken, removeDaemonFile, writeDaemonFile } from "../state/claimed_folder.ts";
import { type DaemonFile, readDaemonFile, tokenFileOf } from "../state/state_folder.ts";
import { VERSION } from "../version.ts";
import { pause } from "../wait.ts";
import type { Listing } from "../watch/listing.ts";
import { ApiServer, isLoopback } from "./api_server.ts";
import { openCompat } from "./compat.ts";
import { type Domain, openDomain } from "./domain.ts";
import { withoutToken } from "./redact.ts";
import type { Handler } from "./serve.ts";

/** What the HTTP layer is given. */
export interface Services extends Domain {
  readonly guard: {
    /** Values of the Host header that name this daemon. */
    readonly hosts: ReadonlySet<string>;
    /** The content of `admin.token`. */
    readonly token: string;
    /** The path of that file. */
    readonly tokenFile: string;
    /** Tabs of the dashboard, whose tokens count as that one does. */
    readonly sessions: TabSessions;
    /** What a caller without a token may do. */
    readonly anonymous: "lease" | "none";
  };
  /** The port of the API, the same on both loopback addresses. */
  readonly port: number;
  /** Values of the Host header at which nobody but this daemon can be reached on this machine. */
  readonly provable: ReadonlySet<string>;
  /** Whether leases are loaded, holds taken and requests served. */
  readonly isReady: () => boolean;
  /** What the server counts beside the domain. */
  readonly counts: ServerCounts;
  /** The document of `GET /status`. */
  readonly status: () => DaemonStatus;
  /** Begins the end of the daemon. */
  readonly stop: () => void;
  /** Ends streams when the daemon stops. */
  readonly signal: AbortSignal;
  /** Ends the connection of this peer, also when it takes nothing. Absent where the system offers no way. */
  readonly cutConnection?: ((peer: Deno.NetAddr) => void) | undefined;
  readonly log: WriteLine;
  /** Writes a line for each request; `undefined` where nobody wants them. */
  readonly details: WriteDetails | undefined;
}

/** Options of {@linkcode runDaemon}. */
export interface DaemonOptions {
  /** Stops the daemon. */
  readonly signal: AbortSignal;
  /** Makes the HTTP layer. */
  readonly createApp: (services: Services) => { readonly fetch: Handler };
  readonly log: WriteLine;
  /** As in {@linkcode Services}. */
  readonly details?: WriteDetails | undefined;
  /** Called with the URL once requests are served. */
  readonly onReady?: (url: string) => void;
  /** Null leaves the addresses unguarded. @default that of this system */
  readonly guardAddress?: GuardAddress | null;
  /** Whether the system ends this process with the one that has started it. @default what this system says */
  readonly endsWithStarter?: () => boolean;
}

/** How long requests in hand may take at a stop. The whole stop is to take at most five seconds. */
const SHUTDOWN_MS = 3000;
const DAY_MS = 86_400_000;
/** Characters of another program's command line in a warning. */
const MOST_OF_COMMAND = 80;

/**
 * Runs until it is stopped, or until another program has taken one of its addresses.
 *
 * @throws {PortdError} `port_in_use` in the second case; the reason when the state folder, the file or the address
 * cannot be had, naming another daemon that has them.
 */
export async function runDaemon(config: Config, given: DaemonOptions): Promise<void> {
  prepareStateFolder(config.stateDir);
  const token = readOrMakeToken(config.stateDir);
  const options = { ...given, ...withoutToken({ log: given.log, details: given.details }, token) };
  const domain = await openOrRefuse(config, options.log);
  try {
    const server = await ApiServer.listen(config.listen, options)
      .catch(async (error) => Promise.reject(await withOccupant(error, config.listen, domain.listing)));
    const stopping = new AbortController();
    try {
      await serveUntilStopped(config, options, { domain, server, token, stopping });
    } finally {
      stopping.abort(); // ends streams
      domain.registry.close(); // refuses requests that wait for a port
      await server.close(SHUTDOWN_MS);
    }
  } finally {
    await domain.close();
  }
  options.log("stopped");
}

interface OpenedParts {
  readonly domain: Domain;
  readonly server: ApiServer;
  readonly token: string;
  /** Aborted when the API is asked to stop the daemon, and when an address is lost. */
  readonly stopping: AbortController;
}

async function serveUntilStopped(
  config: Config,
  options: DaemonOptions,
  { domain, server, token, stopping }: OpenedParts,
): Promise<void> {
  const { log, details } = options;
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  let isReady = false;
  let loss: Error | undefined;
  server.lost.then((error) => {
    loss = error;
    stopping.abort();
  });
  const { url, port, hosts, provable } = server;
  // Beyond loopback everything takes the token.
  const anonymous = isLoopback(config.listen) ? config.auth.anonymous : "none";
  const sessions = new TabSessions(domain.clock);
  const guard = { hosts, token, tokenFile: tokenFileOf(config.stateDir), anonymous, sessions } as const;
  const state = { isReady: () => isReady && !signal.aborted, stop: () => stopping.abort(), signal, log, details };
  const notes = [...await addressWarnings(server, domain), ...lifeWarnings(options)];
  const counts = newServerCounts(), status = statusOf(domain, notes), { cutConnection } = server;
  const services: Services = { ...domain, ...state, guard, provable, port, counts, status, cutConnection };
  server.open(options.createApp(services).fetch);
  const compat = await openCompat(config, services);
  notes.push(...compat.warnings);
  const startTime = domain.processes.find(Deno.pid)?.startTime ?? "";
  const needsToken = guard.anonymous === "none";
  notes.push(...announce(config.stateDir, { url, pid: Deno.pid, startTime, version: VERSION, needsToken }));
  for (const note of notes) log(note, "warning");
  isReady = true;
  log(`portd ${VERSION} (pid ${Deno.pid}) serves ${url}, state in ${config.stateDir}`);
  options.onReady?.(url);
  await watchUntil(signal, domain, config, { log, loopLag: counts.loopLag });
  log("stopping");
  await compat.close();
  removeDaemonFile(config.stateDir, Deno.pid);
  if (loss !== undefined) throw loss;
}

/** What `GET /status` answers. */
function statusOf({ clock, describe }: Domain, notes: readonly string[]): () => DaemonStatus {
  const startedAt = new Date(clock.now()).toISOString();
  return () => {
    const status = describe();
    return { ...status, warnings: [...status.warnings, ...notes], version: VERSION, pid: Deno.pid, startedAt };
  };
}

/** Writes `daemon.json`. When that fails, on a full disk for instance, the daemon serves all the same. @returns warnings */
function announce(folder: string, daemon: DaemonFile): string[] {
  try {
    writeDaemonFile(folder, daemon);
    return [];
  } catch (error) {
    const reason = reasonOf(error);
    return [
      `cannot write ${folder}/daemon.json: ${reason}; commands find this daemon only by its address ${daemon.url}`,
    ];
  }
}

/** What is wrong with the addresses, and what to do about it. */
async function addressWarnings({ contested, url }: ApiServer, { listing }: Domain): Promise<string[]> {
  if (contested === undefined) return [];
  const who = await whoListens(listing, contested);
  return [`${who} listens on ${contested}, where "localhost" may lead: end it and restart portd, or use only ${url}`];
}

/** The refusal of an address that another program has, with the name of the program and both ways out. */
async function withOccupant(error: unknown, address: string, listing: Listing): Promise<unknown> {
  const isTaken = error instanceof PortdError && error.cause instanceof Deno.errors.AddrInUse;
  if (!isTaken) return error;
  const who = await whoListens(listing, address);
  const message = `Cannot listen on ${address}: ${who} does; end it, or give portd another address (PORTD_LISTEN)`;
  return new PortdError(error.code, message, error.data, { cause: error.cause });
}

/** What ends the daemon sooner than its user may expect. */
function lifeWarnings(
  { endsWithStarter = () => Deno.build.os === "windows" && endsWithJob() }: Pick<DaemonOptions, "endsWithStarter">,
): string[] {
  if (!endsWithStarter()) return [];
  return [
    "Windows ends this daemon with the session that has started it, such as one of OpenSSH or a scheduled task: " +
    "start it on the desktop, or install it with: portd service install",
  ];
}

async function whoListens(listing: Listing, address: string): Promise<string> {
  const { hostname, port } = new URL(`http://${address.replace(/^localhost:/, "127.0.0.1:")}`);
  for await (const sockets of listing.list({ port: Number(port), protocol: "tcp" })) {
    const socket = sockets.find(({ localAddress }) =>
      [localAddress, `[${localAddress}]`].includes(hostname) || localAddress === "::" || localAddress === "0.0.0.0"
    );
    if (socket === undefined) continue;
    const { pid, process } = socket;
    return pid === null
      ? "a program of another user"
      : `pid ${pid} (${shortCommand(process?.command ?? "unknown command", MOST_OF_COMMAND)})`;
  }
  return "another program";
}

async function openOrRefuse(config: Config, log: WriteLine): Promise<Domain> {
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
  { log, loopLag }: { readonly log: WriteLine; readonly loopLag: Histogram },
): Promise<void> {
  let nextForget = 0;
  while (!signal.aborted) {
    try {
      await watch.look();
      if (clock.monotonic() >= nextForget) {
        void store.forget(clock.now() - historyDays * DAY_MS, clock.now() - DAY_MS);
        nextForget = clock.monotonic() + DAY_MS / 24;
      }
    } catch (error) {
      log(`watch: ${messageOf(error)}`, "warning");
    }
    const pausedAt = clock.monotonic();
    await pause(watchMs, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
    // The pause of the watch is the timer that tells how late the event loop is: no other one has to run for it.
    if (!signal.aborted) loopLag.observe((clock.monotonic() - pausedAt - watchMs) / 1000);
  }
}
