/** Asks the daemon for the listeners that may be servers on other ports than their leases. */
import type { DaemonStatus, Lease, ListedSocket, PortdClient, PortSocket } from "../../client/client.ts";
import { type CallOptions, PortdError } from "../../client/client.ts";
import { findStrays, portsToLookAt, type Stray } from "./servers.ts";

/** The sockets that listen; null on a system that does not list them. */
export async function readSockets(
  client: PortdClient,
  options: CallOptions = {},
): Promise<readonly ListedSocket[] | null> {
  try {
    return await client.listeners({}, options);
  } catch (error) {
    if (error instanceof PortdError && error.code === "not_supported") return null;
    throw error;
  }
}

/** What listens on the ports of {@linkcode portsToLookAt} without a lease, the daemon itself left out. */
export async function readUnleased(
  client: PortdClient,
  sockets: readonly ListedSocket[] | null,
  { leases, ended, status, ...options }: CallOptions & {
    readonly leases: readonly Lease[];
    readonly ended: readonly Lease[];
    readonly status: DaemonStatus;
  },
): Promise<readonly PortSocket[]> {
  const isOther = ({ protocol, lease, pid }: PortSocket) => protocol === "tcp" && lease === null && pid !== status.pid;
  const listeners: PortSocket[] = [];
  for (const port of portsToLookAt(sockets ?? [], { leases, ended, status })) {
    listeners.push(...(await client.describePort(port, options)).listeners.filter(isOther));
  }
  return listeners;
}

/** The servers that seem to belong to a lease that waits for its server. */
export async function findStraysOf(
  client: PortdClient,
  lease: Lease,
  options: CallOptions = {},
): Promise<readonly Stray[]> {
  const [status, leases, sockets] = await Promise.all([
    client.status(options),
    client.listAll({}, options),
    readSockets(client, options),
  ]);
  const strays = findStrays(await readUnleased(client, sockets, { leases, ended: [], status, ...options }), leases);
  return strays.filter((stray) => stray.leases.some(({ id }) => id === lease.id));
}
