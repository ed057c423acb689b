/** `portd renew`: extends leases. */
import { findProject } from "../../project/project.ts";
import { command, COMMON_FLAGS, parsedFlag } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon, withTokenIfAsked } from "../daemon/find.ts";
import { parseDuration } from "../duration.ts";
import { findLease, titleOf } from "../naming.ts";
import { neutralise, toJson } from "../terminal.ts";

type RenewFlags = CommonFlags & { readonly ttl?: number };

export default command<RenewFlags, [lease: string]>({
  parameters: {
    flags: {
      ttl: parsedFlag("30m", "From now on it ends after this time", parseDuration),
      ...COMMON_FLAGS,
    },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "NAME|PORT|ID", brief: "The lease" }] },
  },
  docs: {
    brief: "Extend a lease",
    fullDescription: "Extends a lease, and prints when it ends now; - when nothing ends it by time.",
    customUsage: [
      "NAME|PORT|ID [--ttl 30m]",
      { input: "web", brief: "as long again" },
      { input: "20417 --ttl 2h", brief: "two hours from now" },
    ],
  },
  async run(context, flags, text) {
    const client = await findDaemon(context, flags);
    const { id } = await findLease(client, text, findProject(context.cwd));
    const options = flags.ttl === undefined ? {} : { ttlMs: flags.ttl };
    const lease = await withTokenIfAsked(context, flags, client, (client) => client.renew(id, options));
    if (!flags.json) context.process.stderr.write(`renewed ${neutralise(titleOf(lease))}\n`);
    context.process.stdout.write(`${flags.json ? toJson(lease) : neutralise(lease.expiresAt ?? "-")}\n`);
  },
});
