/** What `portd open` is to open, and the question before it leases a port that nobody has leased. */
import type { PortdClient, Protocol } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import { confirm } from "../confirm.ts";
import type { CliContext } from "../context.ts";
import { findLease, type NameOrPort } from "../naming.ts";
import { escapeControls } from "../terminal.ts";
import { listenerText, select, type Selection, type UnleasedPart } from "./leases.ts";

/** What to open. */
export interface Chosen extends Selection {
  readonly port: number;
}

/** Finds what to open. @throws {PortdError} for a name without a lease, with what to do. */
export async function choose(
  { cwd }: Pick<CliContext, "cwd">,
  client: PortdClient,
  target: NameOrPort,
  protocols: readonly Protocol[],
): Promise<Chosen> {
  if ("port" in target) return { ...target, ...select(await client.describePort(target.port), protocols) };
  const lease = await findLease(client, target, cwd).catch((error) => {
    if (!(error instanceof PortdError) || error.code !== "lease_not_found") throw error;
    const message = `${error.message}; lease it first (portd lease), or name the port instead`;
    throw new PortdError(error.code, message, error.data);
  });
  return { port: lease.port, leases: [lease], unleased: [] };
}

/** Asks before a port is leased. @throws as {@linkcode confirm} does. */
export async function askToLease(
  context: CliContext,
  port: number,
  { protocols, listener }: UnleasedPart,
  yes = false,
): Promise<void> {
  const unleased = `port ${port}/${protocols.join("+")} is not leased`;
  const who = listener === undefined ? "" : `, and ${listenerText(listener)} listens on it`;
  const question = listener === undefined
    ? "Lease it until it is released?"
    : "Lease it to that process, until it ends?";
  await confirm(context, question, { preface: escapeControls(`${unleased}${who}`) + "\n", yes });
}
