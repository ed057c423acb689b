/** `portd status`: the state of the daemon; never starts one. */
import { rangeText } from "../../port/port.ts";
import { defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration } from "../../duration.ts";
import { writeFacts, writeJson } from "../terminal.ts";

export default defineCommand({
  help: "Shows the state of the daemon. The exit code is 3 when no daemon runs; this command never starts one.",
  async run(context, flags) {
    const client = await findDaemon(context, flags, { start: false });
    const status = await client.status();
    const { stdout } = context.process;
    if (flags.json) return writeJson(stdout, { url: client.url, ...status });
    const { version, pid, uptimeMs, stateDir, leases, pool, holds, ephemeral, warnings } = status;
    writeFacts(stdout, [
      ["portd", `${version} (pid ${pid}), up ${formatDuration(uptimeMs)}`],
      ["address", client.url],
      ["state", stateDir],
      ["leases", Object.entries(leases).map(([state, count]) => `${count} ${state}`).join(", ")],
      ["pool", `${pool.free} of ${pool.size} free, ${pool.quarantined} cooling down`],
      ["holds", `${holds.kept} of at most ${holds.limit}`],
      ["ephemeral", rangeText(ephemeral)],
      ...warnings.map((warning) => ["warning", warning] as const),
    ]);
  },
});
