/** What doctor's checks look at: gathers it from the daemon and from this machine. */
import type { DaemonStatus, Lease, ListedSocket, PortdClient } from "../../client/client.ts";
import type { FirewallStatus, GatewayStatus, Line, NetworkFacts } from "../../client/wire.ts";
import { PortdError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import type { CliContext } from "../context.ts";
import { isRunning } from "../daemon/recorded.ts";
import { changedAt } from "./program.ts";
import { readSockets, readUnleased } from "./listeners.ts";
import { findLeftOver, findStrays, type Orphan, type Stray } from "./servers.ts";
import { freeBytes, lookAtFolder } from "./state_folder.ts";

/** What the checks look at. */
export interface Symptoms {
  readonly url: string;
  readonly status: DaemonStatus;
  readonly leases: readonly Lease[];
  /** Wall-clock milliseconds of the machine that asks. */
  readonly now: number;
  /** Version of the command line. */
  readonly version: string;
  /** When the program of the command line was changed last, in wall-clock milliseconds; null is unknown. */
  readonly changedAt: number | null;
  /** Which files in the daemon's state folder others may read or write; null where the folder is not this user's. */
  readonly openFiles: readonly string[] | null;
  /** What else is wrong with that folder, a sentence each. */
  readonly folderFaults: readonly string[];
  /** How many bytes the daemon can still write there; null is unknown. */
  readonly freeBytes: number | null;
  /** The sockets that listen; null on a system that does not list them. */
  readonly sockets: readonly ListedSocket[] | null;
  readonly strays: readonly Stray[];
  readonly orphans: readonly Orphan[];
  /** What is known of the line; `undefined` where an older daemon does not know it. */
  readonly line: Line | undefined;
  /** Only where a lease wants the router, as is the next one. */
  readonly gateway: GatewayStatus | undefined;
  readonly network: NetworkFacts | undefined;
  /** Only where a lease is open to the outside and the user has the token. */
  readonly firewall: FirewallStatus | undefined;
}

/** How many ended leases are looked at. */
const MOST_ENDED = 200;

/** Asks the daemon and this machine. */
export async function lookForSymptoms({ self }: CliContext, client: PortdClient): Promise<Symptoms> {
  const [status, leases] = await Promise.all([client.status(), client.listAll()]);
  const folder = lookAtFolder(status.stateDir);
  return {
    url: client.url,
    status,
    leases,
    now: Date.now(),
    version: VERSION,
    changedAt: changedAt(self),
    openFiles: folder && folder.openFiles,
    folderFaults: folder?.faults ?? [],
    freeBytes: await freeBytes(status),
    line: await readLine(client),
    network: leases.some(wantsRouter) ? await client.network() : undefined,
    ...await lookAtServers(client, { leases, status }),
    gateway: leases.some(wantsRouter) ? await client.gateway() : undefined,
    firewall: leases.some(({ exposure }) => exposure !== null) ? await readFirewall(client) : undefined,
  };
}

async function lookAtServers(
  client: PortdClient,
  { leases, status }: Pick<Symptoms, "leases" | "status">,
): Promise<Pick<Symptoms, "sockets" | "strays" | "orphans">> {
  const sockets = await readSockets(client);
  const { leases: ended } = await client.list({ ended: true, limit: MOST_ENDED });
  const listeners = await readUnleased(client, sockets, { leases, ended, status });
  const strays = findStrays(listeners, leases);
  return { sockets, strays, orphans: [...findAbandoned(leases), ...findLeftOver(listeners, ended)] };
}

/** The servers of live leases whose holder's process has ended, as far as this machine shows both. */
function findAbandoned(leases: readonly Lease[]): readonly Orphan[] {
  const maybe = leases.filter(({ lifetime, state, holder, listener }) =>
    lifetime.kind === "process" && state === "listening" && holder.pid !== null && listener !== null &&
    listener.pid !== null && listener.pid !== holder.pid
  );
  const isThere = ({ pid, startTime }: { readonly pid: number | null; readonly startTime: string | null }) =>
    pid !== null && startTime !== null && isRunning({ pid, startTime });
  return maybe.flatMap((lease) => {
    const { holder, listener } = lease;
    const { pid, command } = listener!;
    return isThere(listener!) && !isThere(holder) ? [{ pid, command, lease }] : [];
  });
}

function wantsRouter({ exposure }: Lease): boolean {
  return exposure !== null && exposure.gateway !== null;
}

async function readLine(client: PortdClient): Promise<Line | undefined> {
  try {
    return await client.line();
  } catch (error) {
    if (error instanceof PortdError && error.code === "not_found") return undefined;
    throw error;
  }
}

async function readFirewall(client: PortdClient): Promise<FirewallStatus | undefined> {
  try {
    return await client.firewall();
  } catch (error) {
    const isForbidden = error instanceof PortdError &&
      (error.code === "scope_required" || error.code === "unauthorized");
    if (isForbidden) return undefined;
    throw error;
  }
}
