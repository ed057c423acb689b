/** `portd stop`: asks the daemon to end and waits until it has; never starts one. */
import { readDaemonFile } from "../../state/state_folder.ts";
import { retryUntil } from "../../wait.ts";
import type { Having } from "../answer.ts";
import { defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { firstListening, stateDirOf } from "../daemon/places.ts";
import { isRunning } from "../daemon/recorded.ts";
import { TimedOutError } from "../exit.ts";
import { writeJson, writeLine } from "../terminal.ts";

const LIMIT_MS = 15_000;
const PAUSE_MS = 20;

const FIELDS = ["stopped", "url", "pid"] as const;

export default defineCommand({
  answer: { fields: FIELDS },
  help: `Stops the daemon and waits until it has ended. The leases stay in its file and are live again when it starts.
Needs the admin token, from the state folder or from PORTD_TOKEN. Exit code 3 when no daemon runs.`,
  usage: ["[FLAGS]"],
  async run(context, flags) {
    const client = await findDaemon(context, flags, { start: false, withToken: "required" });
    const stateDir = stateDirOf(context, flags);
    const { pid } = await client.status();
    const recorded = readDaemonFile(stateDir);
    await client.stop();
    const hasEnded = recorded?.pid === pid && recorded.startTime !== ""
      ? () => readDaemonFile(stateDir)?.pid !== pid && !isRunning(recorded)
      : async () => !await isListenedOn(client.url);
    if (!await retryUntil(hasEnded, { pauseMs: PAUSE_MS, limitMs: LIMIT_MS })) {
      throw new TimedOutError(`Timed out after ${LIMIT_MS / 1000}s: the daemon (pid ${pid}) has not ended yet`);
    }
    if (flags.json) {
      writeJson(context.process.stdout, { stopped: true, url: client.url, pid } satisfies Having<typeof FIELDS>);
    } else writeLine(context.process.stderr, `stopped portd at ${client.url} (pid ${pid})`);
  },
});

/** For a daemon of another state folder: we may not be able to see its process. */
async function isListenedOn(url: string): Promise<boolean> {
  const found = await firstListening([url]);
  found?.socket?.close();
  return found !== undefined;
}
