/** `portd firewall status|plan|sync`: the rules that portd keeps in the host's firewall. */
import { buildRouteMap } from "@stricli/core";
import type { FirewallStatus } from "../../client/wire.ts";
import { fieldsOf } from "../answer.ts";
import { defineCommand } from "../command.ts";
import type { TextStream } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { EXIT } from "../exit.ts";
import { shortenMiddle, writeTable } from "../table.ts";
import { writeFacts, writeJson, writeLine } from "../terminal.ts";

const HEAD = [
  { title: "RULE", least: 12, cut: shortenMiddle, spare: 1 },
  "STATE",
  { title: "FROM", least: 12 },
  { title: "LEASE", least: 12, cut: shortenMiddle },
] as const;

const FIELDS = fieldsOf<FirewallStatus>({
  backend: true,
  dryRun: true,
  desired: true,
  last: true,
  error: true,
  lacksRights: true,
  actual: true,
  difference: true,
  drifted: true,
  remarks: true,
  foreign: true,
});

const status = defineCommand({
  answer: { fields: FIELDS },
  brief: "Show which rules are wanted and how each stands",
  help: `Shows which rules are wanted and how each stands: set, not needed (the firewall lets the port pass
anyway), missing, failed, or unknown. Exit code 1 when the firewall cannot be read.`,
  async run(context, flags) {
    const client = await findDaemon(context, flags, { withToken: true });
    const found = await client.firewall();
    const { process } = context;
    if (flags.json) writeJson(process.stdout, found);
    else writeStatus(process.stdout, found);
    if (found.error) process.exitCode = EXIT.failure;
  },
});

export default buildRouteMap({
  routes: {
    status,
    plan: sync("Show what a sync would change", { dryRun: true }),
    sync: sync("Set the wanted rules and remove all others of portd now", { dryRun: false }),
  },
  docs: { brief: "Show and set portd's rules in the host's firewall" },
});

function sync(brief: string, { dryRun }: { readonly dryRun: boolean }) {
  return defineCommand({
    answer: { fields: FIELDS },
    brief,
    async run(context, flags) {
      const client = await findDaemon(context, flags, { withToken: true });
      const found = await client.syncFirewall({ dryRun });
      const { stdout, stderr } = context.process;
      if (flags.json) return writeJson(stdout, found);
      const changes = (["add", "change", "remove"] as const).flatMap((kind) =>
        (found.difference?.[kind] ?? []).map((name) => `${kind.padEnd(7)} ${name}`)
      );
      for (const change of changes) writeLine(stdout, change);
      if (changes.length === 0) stderr.write("nothing to change\n");
    },
  });
}

function writeStatus(stdout: TextStream, found: FirewallStatus): void {
  const { backend, desired = [], actual, drifted, remarks, foreign, last, error } = found;
  writeFacts(stdout, [
    ["firewall", backend ?? "unknown"],
    ["rules", actual === null ? "unknown" : `${actual.length} of portd, ${foreign} of others`],
    ["last sync", last ? `${last.at}${last.error ? `: ${last.error}` : ""}` : "never"],
    ...(error ? [["error", error] as const] : []),
    ...remarks.map((remark) => ["note", remark] as const),
  ]);
  if (desired.length === 0) return;
  const rows = desired.map(({ name, displayName, remote, state }) => [
    name,
    `${state.replace("_", " ")}${drifted.includes(name) ? " (changed by hand)" : ""}`,
    remote.join(", "),
    displayName.slice(name.length + 1),
  ]);
  writeTable(stdout, HEAD, rows);
}
