/** `portd firewall status|plan|sync`: the rules that portd keeps in the host's firewall. */
import { buildRouteMap } from "@stricli/core";
import type { FirewallStatus } from "../../client/wire.ts";
import { command, COMMON_FLAGS } from "../command.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { EXIT } from "../exit.ts";
import { escapeControls, table, toJson } from "../terminal.ts";

const status = command<CommonFlags, []>({
  parameters: { flags: COMMON_FLAGS },
  docs: {
    brief: "Show which rules are wanted and how each stands",
    fullDescription: `Shows which rules are wanted and how each stands: set, not needed (the firewall lets the port pass
anyway), missing, failed, or unknown. Exit code 1 when the firewall cannot be read.`,
    customUsage: ["[--json]"],
  },
  async run(context, flags) {
    const client = await findDaemon(context, flags, { withToken: true });
    const found = await client.firewall();
    const { process } = context;
    if (flags.json) process.stdout.write(`${toJson(found)}\n`);
    else process.stdout.write(statusText(found));
    if (found.error) process.exitCode = EXIT.failure;
  },
});

const plan = command<CommonFlags, []>({
  parameters: { flags: COMMON_FLAGS },
  docs: { brief: "Show what a sync would change", customUsage: ["[--json]"] },
  run: (context, flags) => sync(context, flags, true),
});

const syncNow = command<CommonFlags, []>({
  parameters: { flags: COMMON_FLAGS },
  docs: { brief: "Set the wanted rules and remove all others of portd now", customUsage: ["[--json]"] },
  run: (context, flags) => sync(context, flags, false),
});

export default buildRouteMap({
  routes: { status, plan, sync: syncNow },
  docs: { brief: "Show and set portd's rules in the host's firewall" },
});

async function sync(context: CliContext, flags: CommonFlags, dryRun: boolean): Promise<void> {
  const client = await findDaemon(context, flags, { withToken: true });
  const found = await client.syncFirewall({ dryRun });
  const { stdout, stderr } = context.process;
  if (flags.json) return stdout.write(`${toJson(found)}\n`);
  const lines = changesOf(found);
  for (const line of lines) stdout.write(`${escapeControls(line)}\n`);
  if (lines.length === 0) stderr.write("nothing to change\n");
}

function changesOf({ difference }: FirewallStatus): string[] {
  const { add = [], change = [], remove = [] } = difference ?? {};
  return [
    ...add.map((name) => `add     ${name}`),
    ...change.map((name) => `change  ${name}`),
    ...remove.map((name) => `remove  ${name}`),
  ];
}

function statusText(found: FirewallStatus): string {
  const { backend, desired = [], actual, drifted, remarks, foreign, last, error } = found;
  const facts = [
    ["firewall", backend ?? "unknown"],
    ["rules", actual === null ? "unknown" : `${actual.length} of portd, ${foreign} of others`],
    ["last sync", last ? `${last.at}${last.error ? `: ${last.error}` : ""}` : "never"],
    ...(error ? [["error", error]] : []),
    ...remarks.map((remark) => ["note", remark]),
  ] as const;
  const head = facts.map(([name, value]) => `${name!.padEnd(10)} ${escapeControls(value!)}\n`).join("");
  if (desired.length === 0) return head;
  const rows = desired.map(({ name, displayName, remote, state }) => [
    name,
    `${state.replace("_", " ")}${drifted.includes(name) ? " (changed by hand)" : ""}`,
    remote.join(", "),
    displayName.slice(name.length + 1),
  ]);
  return head + table(["RULE", "STATE", "FROM", "LEASE"], rows);
}
