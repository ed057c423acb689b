/** Running the daemon in this process, as `portd serve` and the service do. */
import type { Config, LoadedConfig } from "../../config.ts";
import type { DaemonOptions } from "../../daemon/daemon.ts";
import { type Log, openLog } from "../../daemon/log.ts";
import { messageOf } from "../../errors.ts";
import { prepareStateFolder } from "../../state/claimed_folder.ts";
import type { CliContext } from "../context.ts";
import { folderGuard } from "./folder_guard.ts";

/** Runs the daemon until it is stopped, with its log in the state folder. @throws as src/daemon/daemon.ts says. */
export async function serveUntilStopped(
  context: CliContext,
  { config, warnings }: Pick<LoadedConfig, "config" | "warnings">,
  options: Required<Pick<DaemonOptions, "signal" | "onReady">>,
): Promise<void> {
  await using log = await openDaemonLog(config);
  const runDaemon = await context.loadDaemon();
  for (const warning of warnings) log.line(warning, "warning");
  await runDaemon(config, { ...options, log: log.line, details: log.details });
}

/** Logs a failure, for when nobody reads stderr. @param config says how, where it could be read. */
export async function logFailure(
  stateDir: string,
  error: unknown,
  config: Pick<Config, "log"> | undefined,
): Promise<void> {
  await using log = await openDaemonLog({ stateDir, log: config?.log });
  log.failure(messageOf(error));
}

/** The log in the state folder. Makes the folder when there is none. */
async function openDaemonLog(
  { stateDir, log }: { readonly stateDir: string; readonly log: Config["log"] | undefined },
): Promise<Log> {
  prepareStateFolder(stateDir, await folderGuard());
  return await openLog(`${stateDir}/daemon.log`, log);
}
