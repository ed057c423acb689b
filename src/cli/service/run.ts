/** `portd service run`: what the system starts. */
import { loadConfig, type LoadedConfig } from "../../config.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { type ConfigFlags, loadOptions } from "../daemon/config_flags.ts";
import { logFailure, serveUntilStopped } from "../daemon/serving.ts";
import { Ended, exitCodeOf } from "../exit.ts";

/**
 * Runs the daemon as the service, until the system stops it. A failure of the daemon goes into the log, which writes it
 * to stderr too.
 */
export async function runService(context: CliContext, flags: CommonFlags & ConfigFlags): Promise<void> {
  const control = await context.openService({ isUser: false });
  let isLogged = false;
  const run = control.run(async ({ signal, ready }) => {
    const options = await loadOptions(context, flags);
    let loaded: LoadedConfig | undefined;
    try {
      loaded = await loadConfig(options);
      await serveUntilStopped(context, loaded, { signal, onReady: ready });
    } catch (error) {
      await logFailure(options.stateDir, error, loaded?.config);
      isLogged = true;
      throw error;
    }
  });
  await run.catch((error) => Promise.reject(isLogged ? new Ended(exitCodeOf(error)) : error));
}
