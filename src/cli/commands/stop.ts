/** `portd stop`: asks the daemon to end and waits until it is gone; never starts one. */
import { readDaemonFile } from "../../state/state_folder.ts";
import { command, COMMON_FLAGS } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { firstListening, stateDirOf } from "../daemon/places.ts";
import { isRunning } from "../daemon/token.ts";
import { TimedOutError } from "../exit.ts";
import { toJson } from "../terminal.ts";

const LIMIT_MS = 15_000;
const PAUSE_MS = 20;

export default command<CommonFlags, []>({
  parameters: { flags: COMMON_FLAGS },
  docs: {
    brief: "Stop the daemon",
    fullDescription:
      `Stops the daemon and waits until it is gone. Leases are kept in its file and are live again when it
starts. Takes the admin token, which is read from the state folder, or PORTD_TOKEN. Exit code 3 when none runs.`,
    customUsage: ["[FLAGS]"],
  },
  async run(context, flags) {
    const client = await findDaemon(context, flags, { start: false, withToken: "required" });
    const stateDir = stateDirOf(context, flags);
    const { pid } = await client.status();
    const recorded = readDaemonFile(stateDir);
    await client.stop();
    const deadline = performance.now() + LIMIT_MS;
    const isThere = recorded?.pid === pid && recorded.startTime !== ""
      ? () => readDaemonFile(stateDir)?.pid === pid || isRunning(recorded)
      : () => isListenedOn(client.url);
    while (await isThere()) {
      if (performance.now() > deadline) {
        throw new TimedOutError(
          `Cannot see the end of the daemon (pid ${pid}): it is still there after ${LIMIT_MS / 1000} s`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    if (flags.json) context.process.stdout.write(`${toJson({ stopped: true, url: client.url, pid })}\n`);
    else context.process.stderr.write(`stopped portd at ${client.url} (pid ${pid})\n`);
  },
});

/** What is asked of a daemon of another state folder, whose process may not be seen from here. */
async function isListenedOn(url: string): Promise<boolean> {
  const found = await firstListening([url]);
  found?.socket?.close();
  return found !== undefined;
}
