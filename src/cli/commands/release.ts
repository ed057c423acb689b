/** `portd release`: gives leases back. */
import { PortdError } from "../../errors.ts";
import { findProject } from "../../project.ts";
import { command, COMMON_FLAGS, type CommonFlags, parsedFlag } from "../command.ts";
import { UsageError } from "../exit.ts";
import { findDaemon } from "../find_daemon.ts";
import { findLease, titleOf } from "../naming.ts";
import { parsePair } from "../parse.ts";
import { neutralise, toJson } from "../terminal.ts";

type ReleaseFlags = CommonFlags & { readonly label?: readonly [string, string] };

export default command<ReleaseFlags, string[]>({
  parameters: {
    flags: {
      label: parsedFlag("k=v", "All leases that bear this label", parsePair),
      ...COMMON_FLAGS,
    },
    positional: { kind: "array", parameter: { parse: String, placeholder: "NAME|PORT|ID", brief: "A lease" } },
  },
  docs: {
    brief: "Give leases back",
    fullDescription: "Gives leases back. A lease that has ended already is no error.",
    customUsage: [
      "NAME|PORT|ID...",
      "--label k=v",
      { input: "web", brief: "the lease of web of this project" },
      { input: "20417", brief: "the lease of a port" },
      { input: "--label job=1234", brief: "all ports of a CI job" },
    ],
  },
  async run(context, flags, ...texts) {
    if ((flags.label === undefined) === (texts.length === 0)) {
      throw new UsageError("Cannot tell what to release: name leases, or give one --label");
    }
    const client = await findDaemon(context, flags);
    const { stdout, stderr } = context.process;
    const released: string[] = [];
    if (flags.label !== undefined) {
      released.push(...await client.releaseByLabel(flags.label.join(":")));
      if (!flags.json) stderr.write(`released ${released.length} ${released.length === 1 ? "lease" : "leases"}\n`);
    }
    for (const text of texts) {
      try {
        const lease = await findLease(client, text, findProject(context.cwd));
        await client.release(lease.id);
        released.push(lease.id);
        if (!flags.json) stderr.write(`released ${neutralise(titleOf(lease))}\n`);
      } catch (error) {
        if (!(error instanceof PortdError) || error.code !== "lease_ended") throw error;
        if (!flags.json) stderr.write(`${neutralise(text)} has ended already\n`);
      }
    }
    if (flags.json) stdout.write(`${toJson({ released })}\n`);
  },
});
