/** `portd close`: takes back what `portd open` did. */
import { findProject } from "../../project/project.ts";
import { command, COMMON_FLAGS } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { findLease, titleOf } from "../naming.ts";
import { neutralise, toJson } from "../terminal.ts";

export default command<CommonFlags, [lease: string]>({
  parameters: {
    flags: COMMON_FLAGS,
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "NAME|PORT|ID", brief: "The lease" }] },
  },
  docs: {
    brief: "Take back what open did",
    fullDescription:
      "Takes the rules of a lease out of the host's firewall; the lease stays. Needs the daemon's token.",
    customUsage: ["NAME|PORT|ID"],
  },
  async run(context, flags, text) {
    const client = await findDaemon(context, flags, { withToken: true });
    const { id } = await findLease(client, text, findProject(context.cwd));
    const lease = await client.conceal(id);
    await client.syncFirewall();
    if (flags.json) context.process.stdout.write(`${toJson(lease)}\n`);
    else context.process.stderr.write(`${neutralise(`closed ${titleOf(lease)}`)}\n`);
  },
});
