/**
 * `portd run --if-running`: what is done where the services of this working copy listen already. commands/run.ts loads
 * this file only when the daemon says that one of them does.
 */
import type { PortdClient, PortSocket } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import type { Lease } from "../../lease/lease.ts";
import { openProcessHandle } from "../../terminate/open.ts";
import { retryUntil } from "../../wait.ts";
import { addressOf } from "../address.ts";
import type { ADDRESS_FIELDS, Having } from "../answer.ts";
import type { CliContext } from "../context.ts";
import { endCommand } from "../free/caller.ts";
import { endListeners, TIMEOUT_MS } from "../free/listeners.ts";
import { processText } from "../free/targets.ts";
import { findLease, titleOf } from "../naming.ts";
import { escapeControls, writeJson, writeLine } from "../terminal.ts";
import type { WithToken } from "./leases.ts";
import type { WantedPort } from "./wanted_ports.ts";

/** How long a `portd run` may take to end after its server has ended: it then ends what else it has started. */
const HOLDER_LIMIT_MS = 10_000;
const PAUSE_MS = 50;

/** What {@linkcode meetRunning} works with. */
export interface MeetingParts {
  readonly context: CliContext;
  readonly client: PortdClient;
  readonly withToken: WithToken;
  /** All ports of the command. */
  readonly ports: readonly WantedPort[];
  readonly json: boolean;
}

/** A service that listens at this moment. */
interface Running {
  readonly lease: Lease;
  readonly listener: PortSocket;
  /** Somebody else who listens on the port too. */
  readonly stranger: PortSocket | undefined;
}

/**
 * Does what `--if-running` says.
 *
 * @param leases are those of the command's ports for which somebody listened when the daemon looked last.
 * @returns whether that was all: then the command is not to be started.
 * @throws {PortdError} `name_taken` where that refuses to start the command.
 */
export async function meetRunning(
  leases: readonly Lease[],
  choice: "fail" | "attach" | "restart",
  parts: MeetingParts,
): Promise<boolean> {
  const looks = await Promise.all(leases.map((lease) => lookAt(lease, parts.client)));
  const running = looks.filter((look) => look !== undefined);
  if (running.length === 0) return false;
  if (choice === "restart") {
    refuseStrangers(running, parts.context);
    for (const { lease } of running) await endService(lease, parts);
    return false;
  }
  if (choice === "fail") {
    const advice = "--if-running attach prints the address, --if-running restart ends it first";
    throw refusal(running, `Cannot start the command: ${await textOf(running, parts)}; ${advice}`);
  }
  await attach(running, parts);
  return true;
}

/** Asks the daemon to look again: a server that has just ended is in its list for a moment. */
async function lookAt(lease: Lease, client: PortdClient): Promise<Running | undefined> {
  const { listeners } = await client.describePort(lease.port);
  const onLease = listeners.filter(({ protocol }) => lease.protocols.includes(protocol));
  const listener = onLease.find(({ ofHolder }) => ofHolder === true);
  return listener && { lease, listener, stranger: onLease.find(({ ofHolder }) => ofHolder === false) };
}

/** @throws {PortdError} `port_in_use` where somebody else listens on a port too: then nothing is ended. */
function refuseStrangers(running: readonly Running[], context: CliContext): void {
  const met = running.find(({ stranger }) => stranger !== undefined);
  if (met === undefined) return;
  const { lease, stranger } = met, { port } = lease, { pid, reason } = stranger!;
  const command = endCommand(stranger!, context);
  const message = [
    `Cannot restart ${titleOf(lease)}: ${processText(stranger!)} listens on its port too, and does not belong to its ` +
    `holder${reason === null ? "" : ` (${escapeControls(reason)})`}`,
    "nothing was ended",
    command === undefined ? `portd inspect ${port} says more` : `to end that one: ${command}`,
  ].join("; ");
  throw new PortdError("port_in_use", message, { port, pid, lease });
}

/** Prints the addresses. @throws {PortdError} where not all of the command's services listen. */
async function attach(running: readonly Running[], parts: MeetingParts): Promise<void> {
  const { ports, context: { process: { stdout } }, json } = parts;
  const isThere = (name: string) => running.some(({ lease }) => lease.name?.split("/").at(-1) === name);
  const missing = ports.flatMap(({ named }) => named === undefined || isThere(named.name) ? [] : [named.name]);
  if (missing.length > 0) {
    const advice = "--if-running restart ends that first and starts the command";
    const text = `Cannot attach: nobody listens for ${missing.join(" and ")} yet`;
    throw refusal(running, `${text}, but ${await textOf(running, parts)}; ${advice}`);
  }
  const answers = await Promise.all(running.map(async ({ lease }) => ({ url: await urlOf(lease, parts), lease })));
  for (const answer of answers) {
    if (json) writeJson(stdout, answer satisfies Having<typeof ADDRESS_FIELDS>);
    else writeLine(stdout, answer.url);
  }
}

/** Ends what listens for a lease, as `portd free` does, and waits until the lease can be the command's. */
async function endService(lease: Lease, { context, client, withToken, json }: MeetingParts): Promise<void> {
  const say = (line: string) => {
    if (!json) writeLine(context.process.stderr, `portd: ${line}`);
  };
  const { found } = await endListeners({ client, wanted: lease, caller: context, timeoutMs: TIMEOUT_MS, say });
  if (found.leases.length === 0 || await hasHolderEnded(lease)) return;
  const { pid, command } = lease.holder;
  say(`pid ${pid} (${command ?? "unknown command"}) still runs; ${titleOf(lease)} is taken from it`);
  await withToken((client) => client.release(lease.id));
}

/**
 * Waits until the process whose lease it is has ended: a `portd run` ends after its server, and releases the lease. A
 * lease that is not bound to a process may be asked for again at once, with its labels and its lifetime.
 */
async function hasHolderEnded({ holder, lifetime }: Lease): Promise<boolean> {
  const { pid, startTime, bootId } = holder;
  if (lifetime.kind !== "process" || pid === null || startTime === null || bootId === null) return true;
  const handle = openProcessHandle({ pid, startTime, bootId });
  if (handle === undefined) return true;
  try {
    return await retryUntil(() => handle.hasEnded(), { limitMs: HOLDER_LIMIT_MS, pauseMs: PAUSE_MS }) ?? false;
  } finally {
    handle.close();
  }
}

function refusal([first]: readonly Running[], message: string): PortdError {
  const { lease, listener } = first!;
  return new PortdError("name_taken", message, { port: lease.port, pid: listener.pid, lease });
}

/** `shop/web (20417/tcp) listens already at http://localhost:20417, by pid 4711 (…)`, for each. */
async function textOf(running: readonly Running[], parts: MeetingParts): Promise<string> {
  const texts = running.map(async ({ lease, listener }) => {
    const url = await addressIfKnown(lease, parts);
    return `${titleOf(lease)} listens already${url === undefined ? "" : ` at ${url}`}, by ${processText(listener)}`;
  });
  return (await Promise.all(texts)).join(" and ");
}

/** The address; `undefined` where it has the port of another service, which has no lease. */
async function addressIfKnown(lease: Lease, parts: MeetingParts): Promise<string | undefined> {
  try {
    return await urlOf(lease, parts);
  } catch (error) {
    if (error instanceof PortdError && (error.code === "lease_not_found" || error.code === "lease_ended")) {
      return undefined;
    }
    throw error;
  }
}

function urlOf(lease: Lease, { client, context: { cwd } }: MeetingParts): Promise<string> {
  return addressOf(cwd, lease, (name) => findLease(client, { lease: name }, cwd));
}
