/** `portd renew`: extends a lease. */
import type { PortdClient } from "../../client/client.ts";
import { LEASE_FIELDS } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, NAME_OR_PORT, parsedFlag } from "../command.ts";
import { given } from "../context.ts";
import { findDaemon, withTokenIfAsked } from "../daemon/find.ts";
import { parseDuration } from "../../duration.ts";
import { findLease, parseNameOrPort, titleOf } from "../naming.ts";
import { writeJson, writeLine } from "../terminal.ts";

export default defineCommand({
  answer: { fields: LEASE_FIELDS },
  flags: { ttl: parsedFlag("30m", "The lease ends this long from now", parseDuration), ...COMMON_FLAGS },
  args: [NAME_OR_PORT],
  help: 'Extends a lease and prints its new end, or "-" if it has no fixed end.',
  usage: [
    "NAME|PORT [--ttl 30m]",
    { input: "web", brief: "for as long as it was granted, from now" },
    { input: "20417 --ttl 2h", brief: "two hours from now" },
  ],
  async run(context, flags, text) {
    const target = parseNameOrPort(text);
    const client = await findDaemon(context, flags);
    const { id } = await findLease(client, target, context.cwd);
    const renew = (client: PortdClient) => client.renew(id, given({ ttlMs: flags.ttl }));
    const lease = await withTokenIfAsked(context, flags, client, renew);
    const { stdout, stderr } = context.process;
    if (flags.json) return writeJson(stdout, lease);
    writeLine(stderr, `renewed ${titleOf(lease)}`);
    writeLine(stdout, lease.expiresAt ?? "-");
  },
});
