/** `portd stop`: asks the daemon to end and waits until it is gone; never starts one. */
import { command, COMMON_FLAGS } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { TimedOutError } from "../exit.ts";
import { findDaemon, firstListening, stateDirOf } from "../find_daemon.ts";
import { readDaemonFile } from "../../state_folder.ts";
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
    const client = await findDaemon(context, flags, { start: false, withToken: true });
    const stateDir = stateDirOf(context, flags);
    const { pid } = await client.status();
    await client.stop();
    const deadline = performance.now() + LIMIT_MS;
    while (await isThere(client.url, stateDir, pid)) {
      if (performance.now() > deadline) {
        throw new TimedOutError(
          `Cannot see the end of the daemon (pid ${pid}): it still answers after ${LIMIT_MS / 1000} s`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    if (flags.json) context.process.stdout.write(`${toJson({ stopped: true, url: client.url, pid })}\n`);
    else context.process.stderr.write(`stopped portd at ${client.url} (pid ${pid})\n`);
  },
});

/** Whether the daemon still listens, or has not yet taken its address out of the state folder. */
async function isThere(url: string, stateDir: string, pid: number): Promise<boolean> {
  if (readDaemonFile(stateDir)?.pid === pid) return true;
  const found = await firstListening([url]);
  found?.socket?.close();
  return found !== undefined;
}
