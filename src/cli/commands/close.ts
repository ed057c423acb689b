/** `portd close`: undoes what `portd open` did. */
import { type PortdClient, PortdError } from "../../client/client.ts";
import { defineCommand, NAME_OR_PORT } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { findLease, parseNameOrPort, titleOf } from "../naming.ts";
import { writeJson, writeLine } from "../terminal.ts";

export default defineCommand({
  args: [NAME_OR_PORT],
  help: "Removes the rules of a lease from the host's firewall; the lease stays. Needs the daemon's admin token.",
  usage: ["NAME|PORT"],
  async run(context, flags, text) {
    const target = parseNameOrPort(text);
    const client = await findDaemon(context, flags, { withToken: true });
    const { id, exposure } = await findLease(client, target, context.cwd);
    const lease = await client.conceal(id);
    await syncRules(client, { mayFail: exposure === null });
    if (flags.json) writeJson(context.process.stdout, lease);
    else {writeLine(
        context.process.stderr,
        exposure === null ? `${titleOf(lease)} is not open` : `closed ${titleOf(lease)}`,
      );}
  },
});

/** Removes the rules. Those of a lease that is not open are not there, so a firewall that cannot be read is no error then. */
async function syncRules(client: PortdClient, { mayFail }: { readonly mayFail: boolean }): Promise<void> {
  try {
    await client.syncFirewall();
  } catch (error) {
    if (!mayFail || !(error instanceof PortdError) || error.code !== "firewall_unavailable") throw error;
  }
}
