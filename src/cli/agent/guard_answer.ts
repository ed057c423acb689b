/** What the guard says of a command: which `portd free` is the right one. */
import type { Offence } from "../../agent/guard.ts";
import type { Lease, PortdClient } from "../../client/client.ts";
import { NoDaemonError } from "../../client/transport.ts";
import { holderOf } from "../../project/grant.ts";
import { findProject } from "../../project/project.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { escapeControls } from "../terminal.ts";

/** How long the daemon may take: an agent waits. */
const PATIENCE_MS = 2000;
/** How many leases are named. */
const MOST_NAMED = 5;

/** The reason, for the agent to read. */
export async function guardAnswer(context: CliContext, { command, ports }: Offence): Promise<string> {
  const ways = await waysFor(context, ports);
  const why = "it may end a server of another agent or of the user";
  return escapeControls(
    `portd stopped "${command}": ${why}. ${ways.join(" ")} portd inspect PORT says who is on a port.`,
  );
}

async function waysFor(context: CliContext, ports: readonly number[]): Promise<readonly string[]> {
  const leases = await liveLeases(context);
  if (ports.length > 0) {
    return ports.map((port) => wayFor(port, leases.filter((lease) => lease.port === port), context));
  }
  const own = leases.filter(({ holder, name }) => name !== null && holder.id === ownId(context)).slice(0, MOST_NAMED);
  if (own.length === 0) return ["To end a server that holds a lease, use: portd free NAME (portd ls lists the names)."];
  return [
    `To end a server of this working copy, use: ${
      own.map((lease) => `portd free ${nameFor(lease, context)}`).join(" or ")
    }.`,
  ];
}

function wayFor(port: number, leases: readonly Lease[], context: CliContext): string {
  const [lease] = leases;
  if (lease === undefined) return `Nobody has leased port ${port}; to end what listens there, use: portd free ${port}.`;
  const name = nameFor(lease, context);
  if (lease.holder.id === ownId(context)) {
    return `Port ${port} is leased to ${name}; to end its server, use: portd free ${name}.`;
  }
  return `Port ${port} is leased to ${name}, which is not of this working copy: leave it, or ask, and then use: portd free ${name}.`;
}

function nameFor({ name, port, holder }: Lease, context: CliContext): string {
  if (name === null) return String(port);
  return holder.id === ownId(context) ? name.split("/").at(-1)! : name;
}

function ownId({ cwd }: CliContext): string {
  return holderOf(findProject(cwd)).id;
}

/** None where no daemon runs. */
async function liveLeases(context: CliContext): Promise<readonly Lease[]> {
  let client: PortdClient;
  try {
    client = await findDaemon({ ...context, answerMs: PATIENCE_MS }, { noStart: true }, { start: false });
    return await client.listAll();
  } catch (error) {
    if (error instanceof NoDaemonError || (error as Error).name === "TimeoutError") return [];
    throw error;
  }
}
