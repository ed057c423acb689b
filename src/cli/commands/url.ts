/** `portd url`: the address at which a service is opened on this machine. */
import { addressOf } from "../address.ts";
import { ADDRESS_FIELDS, type Having } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, NAME_OR_PORT } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { findLease, parseNameOrPort, titleOf } from "../naming.ts";
import { writeJson, writeLine } from "../terminal.ts";

export default defineCommand({
  answer: { fields: ADDRESS_FIELDS },
  flags: COMMON_FLAGS,
  args: [NAME_OR_PORT],
  help:
    `Prints the address of a leased service: that of "url" in the project's portd.yaml, else http://localhost:PORT, and
for UDP localhost:PORT. stderr says where nobody listens yet.`,
  usage: ["NAME|PORT", { input: "web", brief: "like http://localhost:5173" }],
  async run(context, flags, text) {
    const target = parseNameOrPort(text);
    const client = await findDaemon(context, flags);
    const find = (name: string) => findLease(client, { lease: name }, context.cwd);
    const lease = await findLease(client, target, context.cwd);
    const url = await addressOf(context.cwd, lease, find);
    const { stdout, stderr } = context.process;
    if (flags.json) return writeJson(stdout, { url, lease } satisfies Having<typeof ADDRESS_FIELDS>);
    if (lease.state !== "listening") writeLine(stderr, `note: nobody listens on ${titleOf(lease)} yet`);
    writeLine(stdout, url);
  },
});
