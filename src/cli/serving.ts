/** Running the daemon in this process, as `portd serve` and the service do. */
import { type Config, loadConfig, type LoadedConfig } from "../config.ts";
import { type Log, openLog } from "../log.ts";
import { prepareStateFolder } from "../state_folder.ts";
import { Entrance } from "../entrance.ts";
import type { CliContext } from "./context.ts";
import type { ServiceRun } from "../service/service.ts";

type ServedConfig = Pick<LoadedConfig, "config" | "warnings">;

/** Options of {@linkcode serveUntil}. */
export interface ServingOptions {
  /** Stops the daemon. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Told the address once requests are served. */
  readonly onReady: (url: string) => void;
  /** See `DaemonOptions`. */
  readonly entrance?: Entrance;
  readonly isFollowed?: () => boolean;
}

/** The log in the state folder, which is made when it is not there. */
export async function openDaemonLog({ stateDir }: Pick<Config, "stateDir">): Promise<Log> {
  prepareStateFolder(stateDir);
  return await openLog(`${stateDir}/daemon.log`);
}

/** Runs the daemon until it is stopped. @throws as src/daemon.ts tells. */
export async function serveUntil(
  context: CliContext,
  { config, warnings }: ServedConfig,
  { log, ...options }: ServingOptions,
): Promise<void> {
  const runDaemon = await context.loadDaemon();
  for (const warning of warnings) log.line(`warning: ${warning}`);
  await runDaemon(config, { ...options, log: log.line });
}

/** Tells a failure in the log, for when nobody reads stderr. */
export async function logFailure(stateDir: string, error: unknown): Promise<void> {
  await using log = await openDaemonLog({ stateDir });
  log.line(messageOf(error));
}

/**
 * Runs the daemon as the service. When the configuration is to be read anew and is right, the daemon's parts are closed
 * and opened again with it, in this process, and requests wait meanwhile; one that is not right, or with which
 * it cannot serve, is told in the log, and the old one goes on.
 *
 * @param options of the configuration, each time that it is read.
 * @throws what the daemon throws.
 */
export async function serveAsService(
  context: CliContext,
  options: Parameters<typeof loadConfig>[0],
  service: ServiceRun,
): Promise<void> {
  const wish: ReloadWish = { isOpen: false, tell: () => {} };
  service.onReload(() => {
    wish.isOpen = true;
    wish.tell();
  });
  const load = () => loadConfig(options);
  const entrance = new Entrance();
  const { signal, onReload } = service;
  try {
    let loaded: ServedConfig | undefined = await load();
    let before: ServedConfig | undefined;
    while (loaded !== undefined) {
      let isReady = false;
      const ready = () => {
        isReady = true;
        service.ready();
      };
      const goesBack = () => before !== undefined && !isReady && !signal.aborted;
      const turn: Turn = { loaded, load, wish, service: { signal, ready, onReload }, entrance, goesBack };
      try {
        const next: ServedConfig | undefined = await serveOnce(context, turn);
        [before, loaded] = [loaded, next];
      } catch (error) {
        if (before === undefined || !goesBack()) throw error;
        await logFailure(
          before.config.stateDir,
          new Error(`goes back to the configuration it had: ${messageOf(error)}`),
        );
        [loaded, before] = [before, undefined];
      }
    }
  } finally {
    await entrance.close(0); // open still where a daemon could not follow another
  }
}

/** That the configuration be read anew. One that comes while nobody hears stays open for who comes next. */
interface ReloadWish {
  isOpen: boolean;
  tell: () => void;
}

interface Turn {
  readonly loaded: ServedConfig;
  readonly load: () => Promise<ServedConfig>;
  readonly wish: ReloadWish;
  readonly service: ServiceRun;
  readonly entrance: Entrance;
  /** Whether a failure now is followed by another turn, with the configuration of the one before. */
  readonly goesBack: () => boolean;
}

/** @returns the configuration with which to go on; `undefined` at the end. */
async function serveOnce(
  context: CliContext,
  { loaded, load, wish, service, entrance, goesBack }: Turn,
): Promise<ServedConfig | undefined> {
  await using log = await openDaemonLog(loaded.config);
  const changing = new AbortController();
  let next: ServedConfig | undefined;
  const reload = async () => {
    wish.isOpen = false;
    try {
      next = await load();
      log.line("reads its configuration anew");
      changing.abort();
    } catch (error) {
      log.line(`goes on with the configuration that it has: ${messageOf(error)}`);
      service.ready(); // the reading is over
    }
  };
  let reloading = wish.isOpen ? reload() : Promise.resolve();
  wish.tell = () => void (reloading = reloading.then(reload));
  const signal = AbortSignal.any([service.signal, changing.signal]);
  const isFollowed = () => next !== undefined && !service.signal.aborted;
  const isHeld = () => isFollowed() || goesBack();
  try {
    await serveUntil(context, loaded, { signal, log, onReady: service.ready, entrance, isFollowed: isHeld });
  } finally {
    wish.tell = () => {};
    await reloading;
  }
  return isFollowed() ? next : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
