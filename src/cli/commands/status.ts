/** `portd status`: the state of the daemon; never starts one. */
import { WSL_DEFAULTS } from "../../settings.ts";
import { rangeText } from "../../port/port.ts";
import type { DaemonStatus } from "../../client/wire.ts";
import { fieldsOf } from "../answer.ts";
import { defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration } from "../../duration.ts";
import { writeFacts, writeHint, writeJson } from "../terminal.ts";

const FIELDS = fieldsOf<DaemonStatus & { readonly url: string }>({
  url: true,
  name: true,
  version: true,
  pid: true,
  startedAt: true,
  uptimeMs: true,
  stateDir: true,
  user: true,
  leases: true,
  pool: true,
  holds: true,
  ephemeral: true,
  wsl: true,
  warnings: true,
});

export default defineCommand({
  answer: { fields: FIELDS },
  help: "Shows the state of the daemon. The exit code is 3 when no daemon runs; this command never starts one.",
  async run(context, flags) {
    const client = await findDaemon(context, flags, { start: false });
    const status = await client.status();
    const { process } = context, { stdout } = process;
    if (flags.json) return writeJson(stdout, { url: client.url, ...status });
    const { version, pid, uptimeMs, stateDir, leases, pool, holds, ephemeral, wsl, warnings } = status;
    writeFacts(stdout, [
      ["portd", `${version} (pid ${pid}), up ${formatDuration(uptimeMs)}`],
      ["address", client.url],
      ["state", stateDir],
      ["leases", Object.entries(leases).map(([state, count]) => `${count} ${state}`).join(", ")],
      ["pool", `${pool.free} of ${pool.size} free, ${pool.quarantined} cooling down`],
      ["holds", `${holds.kept} of at most ${holds.limit}`],
      ["ephemeral", rangeText(ephemeral)],
      ...(wsl ? [["WSL", wslText(wsl)] as const] : []),
      ...warnings.map((warning) => ["warning", warning, "yellow"] as const),
    ]);
    if (leases.conflict || warnings.length > 0) writeHint(process, "portd doctor says what is wrong, and what to do");
  },
});

/** Which WSL it is, and how its portd and that of Windows stay apart. */
function wslText({ version, networking }: NonNullable<DaemonStatus["wsl"]>): string {
  const network = networking === "shared" ? "the network of Windows" : `${networking} networking`;
  const { listen, pool } = WSL_DEFAULTS;
  return `${version}, ${network}; defaults here: ${listen} and pool ${pool}, on Windows others`;
}
