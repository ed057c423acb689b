/** The work of `portd release`. commands/release.ts has its flags and help; cli.ts says why they are apart. */
import type { Lease, PortdClient } from "../client/client.ts";
import { PortdError } from "../errors.ts";
import type { Having } from "./answer.ts";
import type { CliContext, CommonFlags } from "./context.ts";
import { findDaemon } from "./daemon/find.ts";
import { UsageError } from "./exit.ts";
import { findLease, type NameOrPort, parseNameOrPort, titleOf } from "./naming.ts";
import { writeJson, writeLine } from "./terminal.ts";

/** Fields of the answer of `portd release`. */
export const RELEASE_FIELDS = ["released"] as const;

/** Flags of `portd release`. */
export type ReleaseFlags = CommonFlags & { readonly label?: readonly [string, string] };

/** A server is not ended with its lease. */
async function reportListeners(
  client: PortdClient,
  { port, listener }: Lease,
  report: (line: string) => void,
): Promise<void> {
  const { listeners } = await client.describePort(port);
  const isThere = listener?.pid && listeners.some(({ pid }) => pid === listener.pid);
  if (isThere) report(`note: pid ${listener.pid} still listens on ${port}`);
}

/** What else ends with a lease: its mappings at the router, which are deleted a moment later. */
export function routerNotes(lease: Lease): readonly string[] {
  if (lease.exposure === null || lease.exposure.gateway === null) return [];
  return [`note: its mappings at the router end too, see: portd gateway list`];
}

/** Whether an error means that the lease has ended; of a port the daemon only says that it has none now. */
async function hasEnded(error: unknown, client: PortdClient, target: NameOrPort): Promise<boolean> {
  if (!(error instanceof PortdError)) return false;
  if (error.code !== "lease_not_found" || !("port" in target)) return error.code === "lease_ended";
  return (await client.list({ port: target.port, ended: true, limit: 1 })).leases.length > 0;
}

/** Releases the named leases one by one, or all leases with a label. */
export async function release(context: CliContext, flags: ReleaseFlags, ...texts: string[]): Promise<void> {
  if ((flags.label === undefined) === (texts.length === 0)) {
    throw new UsageError("Cannot release: name one lease or more, or give one --label");
  }
  const targets = texts.map((text) => parseNameOrPort(text));
  const client = await findDaemon(context, flags);
  const { stdout, stderr } = context.process;
  const report = (line: string) => {
    if (!flags.json) writeLine(stderr, line);
  };
  const released: string[] = [];
  if (flags.label !== undefined) {
    released.push(...await client.releaseByLabel(flags.label.join("=")));
    report(`released ${released.length} ${released.length === 1 ? "lease" : "leases"}`);
  }
  for (const [i, target] of targets.entries()) {
    try {
      const lease = await findLease(client, target, context.cwd);
      await client.release(lease.id);
      released.push(lease.id);
      report(`released ${titleOf(lease)}`);
      routerNotes(lease).forEach(report);
      if (lease.state === "listening") await reportListeners(client, lease, report);
    } catch (error) {
      if (!await hasEnded(error, client, target)) throw error;
      report(`${texts[i]} has ended already`);
    }
  }
  if (flags.json) writeJson(stdout, { released } satisfies Having<typeof RELEASE_FIELDS>);
}
