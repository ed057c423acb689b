/**
 * Ending what listens for a lease and belongs to its holder, and nothing else. found.ts checks the daemon's answer,
 * targets.ts ends the processes.
 */
import type { PortdClient } from "../../client/client.ts";
import { pause, retry } from "../../wait.ts";
import type { Caller } from "./caller.ts";
import { checkUnchanged, type Found, holderSockets, look, lookUntilKnown, type Wanted } from "./found.ts";
import {
  closeTargets,
  type End,
  endAll,
  endText,
  openTargets,
  processText,
  splitByListening,
  type Target,
  UnverifiedError,
} from "./targets.ts";

/** How long to wait after TERM before KILL, unless the user says otherwise. */
export const TIMEOUT_MS = 5000;
/** After this time the port is looked at again: by then a supervisor may have started its server again. */
export const SUPERVISOR_MS = 300;
/** A process can end during a look, for instance because somebody else frees the port too. */
const MOST_LOOKS = 3;

/** What is to be ended, and how. */
export interface Ending {
  readonly client: PortdClient;
  readonly wanted: Wanted;
  readonly caller: Caller;
  /** How long to wait after TERM before KILL. */
  readonly timeoutMs: number;
  /** Throws where the user does not want it. @default the user has said so already */
  readonly approve?: (found: Found, targets: readonly Target[]) => Promise<void>;
  /** Takes a line about each process. */
  readonly say: (line: string) => void;
}

/** What the daemon says about a port, until it knows the processes. */
export function lookNow(client: PortdClient, wanted: Wanted): Promise<Found> {
  return lookUntilKnown(() => look(client, wanted), MOST_LOOKS);
}

/**
 * Ends the processes. The leases stay: the caller releases them.
 *
 * @returns what was found; without a lease in it nothing was ended.
 * @throws {PortdError} `port_in_use` when somebody else listens too; then nothing is ended.
 * @throws {Deno.errors.PermissionDenied} where this user may not end one.
 */
export async function endListeners(ending: Ending): Promise<{ readonly found: Found; readonly ends: readonly End[] }> {
  const { client, wanted, caller, timeoutMs, approve, say } = ending;
  const { found, targets } = await pinListeners(ending);
  try {
    if (found.leases.length === 0) return { found, ends: [] };
    await approve?.(found, targets);
    const again = await lookNow(client, wanted);
    if (again.leases.length === 0) return { found: again, ends: [] };
    checkUnchanged(found, again, { targets, caller });
    const { listening, notes } = await splitByListening(targets, { port: wanted.port, listeners: again.listeners });
    const ends = await endAll(listening, timeoutMs);
    for (const line of [...notes, ...ends.map(endText)]) say(line);
    if (targets.length > 0) await checkFreed(ending);
    return { found, ends };
  } finally {
    closeTargets(targets);
  }
}

/**
 * Looks, and opens a handle to each process that listens, so that no other process can get its pid. If one ends before
 * that, it looks again.
 */
async function pinListeners({ caller, client, wanted }: Ending) {
  const { url } = client;
  const pin = async () => {
    const found = await lookNow(client, wanted);
    if (found.leases.length === 0) return { found, targets: [] };
    return { found, targets: await openTargets(holderSockets(found, caller), { port: found.wanted.port, url }) };
  };
  const mayPass = (error: unknown) => error instanceof UnverifiedError;
  return await retry(pin, { mostAttempts: MOST_LOOKS, pauseMs: 0, mayPass });
}

/** @throws {Error} when a process listens on the port again; the lease is not released then. */
async function checkFreed({ client, wanted }: Ending): Promise<void> {
  for (const pauseMs of [0, SUPERVISOR_MS]) {
    await pause(pauseMs);
    const { listeners: [listener] } = await lookNow(client, wanted);
    if (listener === undefined) continue;
    throw new Error(
      `Cannot free port ${wanted.port}: ${processText(listener)} listens there now, so the lease is kept; if a ` +
        "supervisor starts the server again, stop the supervisor first",
    );
  }
}
