/** `portd service run`: what the system starts. */
import type { CliContext, CommonFlags } from "../context.ts";
import { type ConfigFlags, loadOptions } from "../daemon/config_flags.ts";
import { logFailure, ReloadingDaemon } from "../daemon/serving.ts";
import { Ended, exitCodeOf } from "../exit.ts";

/**
 * Runs the daemon as the service, until the system stops it. What the daemon fails with is told in the log, which is on
 * stderr too.
 */
export async function runService(context: CliContext, flags: CommonFlags & ConfigFlags): Promise<void> {
  const control = await context.openService({ isUser: false });
  let isTold = false;
  const run = control.run(async (service) => {
    const options = loadOptions(context, flags);
    try {
      await new ReloadingDaemon(context, options, service).run();
    } catch (error) {
      await logFailure(options.stateDir, error);
      isTold = true;
      throw error;
    }
  });
  await run.catch((error) => Promise.reject(isTold ? new Ended(exitCodeOf(error)) : error));
}
