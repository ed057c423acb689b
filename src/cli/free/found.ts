/** What the daemon says about the port that `portd free` frees: its leases, and who listens for them. */
import type { Lease, PortdClient, PortSocket, Protocol } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import { titleOf } from "../naming.ts";
import { escapeControls } from "../terminal.ts";
import { type Caller, endCommand, INIT_PID } from "./caller.ts";
import { isKnown, isOf, type KnownSocket, processText, type Target } from "./targets.ts";

/** What is to be freed: a port, or the lease that was named; no other lease of the port is touched then. */
export type Wanted = Lease | { readonly port: number; readonly protocols: readonly Protocol[] };

/** What is there. */
export interface Found {
  /** Address of the daemon that says so. */
  readonly url: string;
  readonly wanted: Wanted;
  /** The leases to free. */
  readonly leases: readonly Lease[];
  /** All that listens with the protocols that are wanted or leased. */
  readonly listeners: readonly PortSocket[];
}

/** Asks the daemon. A lease of both protocols is freed as a whole, also when only one of them was named. */
export async function look(client: PortdClient, wanted: Wanted): Promise<Found> {
  const { leases, listeners } = await client.describePort(wanted.port);
  const isWanted = ({ id, protocols }: Lease) =>
    "id" in wanted ? id === wanted.id : protocols.some((each) => wanted.protocols.includes(each));
  const picked = leases.filter(isWanted);
  const protocols = [...wanted.protocols, ...picked.flatMap((lease) => lease.protocols)];
  return {
    url: client.url,
    wanted,
    leases: picked,
    listeners: listeners.filter(({ protocol }) => protocols.includes(protocol)),
  };
}

/** Looks again where the daemon sees a socket without its process: that is the case while the process ends. */
export async function lookUntilKnown(look: () => Promise<Found>, mostLooks: number): Promise<Found> {
  const found = await look();
  return mostLooks === 1 || found.listeners.every(isKnown) ? found : await lookUntilKnown(look, mostLooks - 1);
}

/** @throws when the daemon itself listens there: it is never ended, also where it is said to be a holder's process. */
export function refuseDaemon({ url, wanted: { port }, listeners }: Found): void {
  const { port: own, protocol } = new URL(url);
  const daemonsPort = own === "" ? (protocol === "https:" ? 443 : 80) : Number(own);
  if (port !== daemonsPort || !listeners.some((socket) => socket.protocol === "tcp")) return;
  throw new Error(`Cannot free port ${port}: portd itself listens there; stop it with: portd stop`);
}

/**
 * The sockets to close.
 *
 * @throws {Error} when the daemon itself is among those who listen.
 * @throws {PortdError} `port_in_use` when somebody else listens too.
 * @throws {Error} when the daemon does not know enough about who listens.
 */
export function holderSockets(found: Found, caller: Caller): readonly KnownSocket[] {
  refuseDaemon(found);
  const { wanted: { port }, leases, listeners } = found;
  const titles = titlesOf(leases);
  const foreign = listeners.find((socket) => !isHolders(socket, listeners));
  if (foreign !== undefined) {
    const hint = leases.some(({ protocols }) => protocols.includes(foreign.protocol))
      ? undefined
      : `to free ${titles} alone: portd free ${port} --${foreign.protocol === "tcp" ? "udp" : "tcp"}`;
    const reason = foreign.reason === null ? "" : ` (${escapeControls(foreign.reason)})`;
    const why = `on ${foreign.protocol} and does not belong to the holder of ${titles}${reason}`;
    throw foreignListener(port, foreign, { why, hint, caller });
  }
  if (!listeners.every(isKnown)) {
    throw new Error(`Cannot free port ${port}: the daemon cannot see which process listens for ${titles}`);
  }
  if (listeners.some(({ pid }) => pid === INIT_PID)) {
    throw new Error(
      `Cannot free port ${port}: pid ${INIT_PID} listens there for ${titles}; stop its socket unit or its container`,
    );
  }
  return listeners;
}

/** What listens there and does not belong to the holder of the lease; without a lease everything. */
export function strangers({ leases, listeners }: Found): readonly PortSocket[] {
  return leases.length === 0 ? listeners : listeners.filter((socket) => !isHolders(socket, listeners));
}

/** The holder's process may also listen with a protocol that is not leased. */
function isHolders(socket: PortSocket, listeners: readonly PortSocket[]): boolean {
  const { ofHolder, pid, startTime } = socket;
  return ofHolder === true ||
    (ofHolder === null && pid !== null &&
      listeners.some((other) => other.ofHolder === true && other.pid === pid && other.startTime === startTime));
}

function titlesOf(leases: readonly Lease[]): string {
  return leases.map((lease) => escapeControls(titleOf(lease))).join(" and ");
}

/** The refusal because of a listener that is not the holder's. */
export function foreignListener(
  port: number,
  listener: PortSocket,
  { why, hint, caller }: { readonly why: string; readonly hint?: string | undefined; readonly caller: Caller },
): PortdError {
  const command = endCommand(listener, caller);
  const message = [
    `Cannot free port ${port}: ${processText(listener)} listens there ${why}`,
    "portd ends only what listens for a lease, unless --force is given",
    ...(command === undefined ? [] : [`to end it: ${command}`]),
    ...(hint === undefined ? [] : [hint]),
  ].join("; ");
  const { pid, process, user = process?.user ?? null } = listener;
  return new PortdError("port_in_use", message, { port, pid, user, ...(command !== undefined && { command }) });
}

/** @throws when something else is there than what the user was asked about. */
export function checkUnchanged(
  found: Found,
  again: Found,
  { targets, caller }: { readonly targets: readonly Target[]; readonly caller: Caller },
): void {
  const { wanted: { port }, leases } = again;
  const isSame = leases.length === found.leases.length &&
    leases.every(({ id }) => found.leases.some((lease) => lease.id === id));
  if (!isSame) {
    const message = `Cannot free port ${port}: meanwhile it was leased to ${titlesOf(leases)}; nothing was ended`;
    throw new PortdError("port_leased", message, { port });
  }
  const newcomer = holderSockets(again, caller).find((socket) => !targets.some((target) => isOf(target, socket)));
  if (newcomer === undefined) return;
  const who = processText(newcomer);
  throw new Error(`Cannot free port ${port}: meanwhile ${who} has started to listen there; nothing was ended`);
}
