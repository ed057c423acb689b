/** Running the daemon in this process, as `portd serve` and the service do. */
import { type Config, loadConfig, type LoadedConfig } from "../../config.ts";
import { Entrance } from "../../daemon/api_server.ts";
import { type Log, openLog } from "../../daemon/log.ts";
import { messageOf } from "../../errors.ts";
import type { ServiceRun } from "../../service/service.ts";
import { prepareStateFolder } from "../../state/state_folder.ts";
import type { CliContext } from "../context.ts";

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

/** Runs the daemon until it is stopped. @throws as src/daemon/daemon.ts tells. */
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
 * The daemon as the service. When it is told to read its configuration anew and that is right, the daemon's parts are
 * closed and opened again with it, in this process, and requests wait meanwhile. One that is not right, or with which it
 * cannot serve, is told in the log, and the old one goes on.
 */
export class ReloadingDaemon {
  readonly #context: CliContext;
  readonly #load: () => Promise<ServedConfig>;
  readonly #service: ServiceRun;
  readonly #entrance = new Entrance();
  /** With what the next run begins; without it there is none. */
  #next: ServedConfig | undefined;
  /** Has the run read the configuration; between two runs nobody hears. */
  #reload: (() => void) | undefined;
  #isAsked = false;

  /** @param options of the configuration, each time that it is read. */
  constructor(context: CliContext, options: Parameters<typeof loadConfig>[0], service: ServiceRun) {
    this.#context = context;
    this.#load = () => loadConfig(options);
    this.#service = service;
    service.onReload(() => {
      if (this.#reload === undefined) this.#isAsked = true;
      else this.#reload();
    });
  }

  /** Runs until the service is stopped. @throws what the daemon throws. */
  async run(): Promise<void> {
    try {
      this.#next = await this.#load();
      let before: ServedConfig | undefined;
      for (let loaded = this.#take(); loaded !== undefined; loaded = this.#take()) {
        before = await this.#serve(loaded, before) ? loaded : undefined;
      }
    } finally {
      await this.#entrance.close(0); // open still where a run could not follow another
    }
  }

  #take(): ServedConfig | undefined {
    const next = this.#service.signal.aborted ? undefined : this.#next;
    this.#next = undefined;
    return next;
  }

  /** One run. @param before is gone back to when this one cannot serve. @returns whether it has served. */
  async #serve(loaded: ServedConfig, before: ServedConfig | undefined): Promise<boolean> {
    await using log = await openDaemonLog(loaded.config);
    const changing = new AbortController(), stop = this.#service.signal;
    let isReady = false, reading = Promise.resolve();
    this.#reload = () => void (reading = reading.then(() => this.#read(log, () => changing.abort())));
    if (this.#isAsked) this.#reload();
    this.#isAsked = false;
    const goesBack = () => before !== undefined && !isReady;
    try {
      await serveUntil(this.#context, loaded, {
        signal: AbortSignal.any([stop, changing.signal]),
        log,
        onReady: () => {
          isReady = true;
          this.#service.ready();
        },
        entrance: this.#entrance,
        isFollowed: () => !stop.aborted && (this.#next !== undefined || goesBack()),
      });
    } catch (error) {
      if (!goesBack() || stop.aborted) throw error;
      log.line(`goes back to the configuration it had: ${messageOf(error)}`);
      this.#next = before;
    } finally {
      this.#reload = undefined;
      await reading;
    }
    return isReady;
  }

  async #read(log: Log, end: () => void): Promise<void> {
    try {
      this.#next = await this.#load();
      log.line("reads its configuration anew");
      end();
    } catch (error) {
      log.line(`goes on with the configuration that it has: ${messageOf(error)}`);
      this.#service.ready(); // the reading is over
    }
  }
}
