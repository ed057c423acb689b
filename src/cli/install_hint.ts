/** After the first lease of a checkout at a terminal: how to call portd more quickly than by `deno task`. */
import type { PortdClient } from "../client/client.ts";
import type { Lease } from "../lease/lease.ts";
import type { CliContext } from "./context.ts";
import { denoCommand } from "./deno_command.ts";
import { writeLine } from "./terminal.ts";

/** Prints the hint on stderr, unless the project had a lease before these. */
export async function hintInstall(
  { process, self }: Pick<CliContext, "process" | "self">,
  client: PortdClient,
  leases: readonly Lease[],
): Promise<void> {
  if (!await areFirst(leases, client)) return;
  const deno = denoCommand(self[0] ?? "");
  writeLine(
    process.stderr,
    `hint: each deno task takes about a second, and works in this folder only; ${deno} task install puts portd on your PATH`,
  );
}

async function areFirst(leases: readonly Lease[], client: PortdClient): Promise<boolean> {
  const [{ project, grantedAt, renewedAt }] = leases as [Lease];
  if (renewedAt !== grantedAt) return false;
  const filter = project === null ? {} : { project };
  const [live, ended] = await Promise.all([
    client.list({ ...filter, limit: leases.length + 1 }),
    client.list({ ...filter, ended: true, limit: 1 }),
  ]);
  return live.leases.length === leases.length && ended.leases.length === 0;
}
