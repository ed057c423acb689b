/** Giving leases back: what `portd release` does. */
import { PortdError } from "../errors.ts";
import { findProject } from "../project/project.ts";
import type { CliContext, CommonFlags } from "./context.ts";
import { findDaemon } from "./daemon/find.ts";
import { UsageError } from "./exit.ts";
import { findLease, titleOf } from "./naming.ts";
import { neutralise, toJson } from "./terminal.ts";

/** What is to be released beside the leases that are named. */
export type ReleaseFlags = CommonFlags & { readonly label?: readonly [string, string] };

/** Releases the named leases one by one, or all that bear a label. */
export async function release(context: CliContext, flags: ReleaseFlags, ...texts: string[]): Promise<void> {
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
}
