/** `portd status`: how the daemon does; never starts one. */
import { command, COMMON_FLAGS } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration } from "../duration.ts";
import { neutralise, toJson } from "../terminal.ts";

export default command<CommonFlags, []>({
  parameters: { flags: COMMON_FLAGS },
  docs: {
    brief: "Tell how the daemon does",
    fullDescription: "Tells how the daemon does. Exit code 3 when none runs; this command never starts one.",
    customUsage: ["[--json]"],
  },
  async run(context, flags) {
    const client = await findDaemon(context, flags, { start: false });
    const status = await client.status();
    const { stdout } = context.process;
    if (flags.json) return stdout.write(`${toJson({ url: client.url, ...status })}\n`);
    const { version, pid, uptimeMs, stateDir, leases, pool, holds, ephemeral, warnings } = status;
    const rows = [
      ["portd", `${version} (pid ${pid}), up ${formatDuration(uptimeMs)}`],
      ["address", client.url],
      ["state", stateDir],
      ["leases", Object.entries(leases).map(([state, count]) => `${count} ${state}`).join(", ")],
      ["pool", `${pool.free} of ${pool.size} free, ${pool.quarantined} cooling down`],
      ["holds", `${holds.kept} of at most ${holds.limit}`],
      ["ephemeral", `${ephemeral.first}-${ephemeral.last}`],
      ...warnings.map((warning) => ["warning", warning]),
    ] as const;
    stdout.write(rows.map(([name, value]) => `${name.padEnd(10)} ${neutralise(value)}\n`).join(""));
  },
});
