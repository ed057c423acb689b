/** One look at what `portd wait` waits for: whether it is there, or what is missing. */
import { type Lease, type PortdClient, PortdError, type Protocol } from "../../client/client.ts";
import { findLease, fullName, type NameOrPort, titleOf } from "../naming.ts";

/** What a look found. */
export interface Progress {
  /** What is still missing, as half a sentence; absent when there is nothing more to wait for. */
  readonly missing?: string;
  /** The lease whose holder listens; absent where the port is not leased. */
  readonly lease?: Lease;
}

/** Looks at a lease, by its name or id as it was typed in `cwd`; with `free` it is to end. */
export async function lookAtLease(
  client: PortdClient,
  { name, cwd, free }: { readonly name: string; readonly cwd: string; readonly free: boolean },
): Promise<Progress> {
  const lease = await findLive(client, { lease: name }, cwd);
  if (free) return lease === undefined ? {} : { missing: stillLeased(lease) };
  if (lease === undefined) return { missing: `there is no lease ${JSON.stringify(fullName(name, cwd))} yet` };
  return lease.state === "listening" ? { lease } : { missing: notListening(lease) };
}

async function findLive(client: PortdClient, name: NameOrPort, cwd: string): Promise<Lease | undefined> {
  try {
    return await findLease(client, name, cwd);
  } catch (error) {
    const isAbsent = error instanceof PortdError && (error.code === "lease_not_found" || error.code === "lease_ended");
    if (isAbsent) return undefined;
    throw error;
  }
}

/** A port that is waited for; with `udp` only UDP counts. */
export interface WantedPort {
  readonly port: number;
  readonly udp: boolean;
  readonly free: boolean;
  readonly signal: AbortSignal;
}

/** Looks at a port. A leased protocol is judged by its lease, any other by who listens; one of the two is enough. */
export async function lookAtPort(client: PortdClient, { port, udp, free, signal }: WantedPort): Promise<Progress> {
  const live = await client.listAll({ port }, { signal });
  const leases = udp ? live.filter(({ protocols }) => protocols.includes("udp")) : live;
  const [first] = leases;
  const isUsed = async (protocol?: Protocol) => (await client.listeners({ port, protocol }, { signal })).length > 0;
  if (free) {
    if (first !== undefined) return { missing: stillLeased(first) };
    const isInUse = await isUsed(udp ? "udp" : undefined);
    return isInUse ? { missing: `something still listens on port ${port}${udp ? "/udp" : ""}` } : {};
  }
  const lease = leases.find(({ state }) => state === "listening");
  if (lease !== undefined) return { lease };
  const protocol = udp ? "udp" : "tcp";
  const isLeased = leases.some(({ protocols }) => protocols.includes(protocol));
  if (!isLeased && await isUsed(protocol)) return {};
  return { missing: first === undefined ? `nothing listens on port ${port}/${protocol} yet` : notListening(first) };
}

function stillLeased(lease: Lease): string {
  return `${titleOf(lease)} is still leased`;
}

function notListening(lease: Lease): string {
  const isConflict = lease.state === "conflict";
  return isConflict ? `a stranger listens on ${titleOf(lease)}` : `nothing listens on ${titleOf(lease)} yet`;
}
