/** `portd close`: undoes what `portd open` did. */
import { findProject } from "../../project/project.ts";
import { command, COMMON_FLAGS, NAME_OR_PORT } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { findLease, parseNameOrPort, titleOf } from "../naming.ts";
import { writeJson, writeLine } from "../terminal.ts";

export default command<CommonFlags, [target: string]>({
  parameters: { flags: COMMON_FLAGS, positional: { kind: "tuple", parameters: [NAME_OR_PORT] } },
  docs: {
    fullDescription:
      "Removes the rules of a lease from the host's firewall; the lease stays. Needs the daemon's admin token.",
    customUsage: ["NAME|PORT"],
  },
  async run(context, flags, text) {
    const target = parseNameOrPort(text);
    const client = await findDaemon(context, flags, { withToken: true });
    const { id } = await findLease(client, target, findProject(context.cwd));
    const lease = await client.conceal(id);
    await client.syncFirewall();
    if (flags.json) writeJson(context.process.stdout, lease);
    else writeLine(context.process.stderr, `closed ${titleOf(lease)}`);
  },
});
