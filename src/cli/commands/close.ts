/** `portd close`: undoes what `portd open` did. */
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
    const { id } = await findLease(client, target, context.cwd);
    const lease = await client.conceal(id);
    await client.syncFirewall();
    if (flags.json) writeJson(context.process.stdout, lease);
    else writeLine(context.process.stderr, `closed ${titleOf(lease)}`);
  },
});
