/** Ending the processes that listen for a lease, as the daemon does it for the dashboard: all of them, or none. */
import { PortdError } from "../errors.ts";
import type { Endpoint, Protocol } from "../port/port.ts";
import { endProcess } from "./end.ts";
import type { EndSignal, ProcessHandle } from "./handle.ts";
import { openProcessHandle } from "./open.ts";

/** How long a process may take to end by itself, in milliseconds. */
const TIMEOUT_MS = 5000;

/** A process that is to be ended. Together with the boot's id, pid and start time name it for good. */
export interface Listener {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
  /** With which it listens on the port. */
  readonly protocols: readonly Protocol[];
}

/** How a process ended. */
export interface EndedListener {
  readonly pid: number;
  readonly command: string | null;
  readonly signal: EndSignal;
}

/** Pins a process. */
type OpenHandle = typeof openProcessHandle;

/**
 * Ends all of them at once, after it has pinned each and seen by its own look that it listens there.
 *
 * @throws {PortdError} `process_kept` where one cannot be verified or ended; without the former none is touched.
 */
export async function endListeners(
  listeners: readonly Listener[],
  port: number,
  open: OpenHandle = openProcessHandle,
): Promise<readonly EndedListener[]> {
  const handles: ProcessHandle[] = [];
  try {
    for (const listener of listeners) handles.push(await pin(listener, port, open));
    return await Promise.all(handles.map((handle) => end(handle, port)));
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new PortdError("process_kept", error.message, { port }, { cause: error });
  } finally {
    for (const handle of handles) handle.close();
  }
}

async function pin({ protocols, ...identity }: Listener, port: number, open: OpenHandle): Promise<ProcessHandle> {
  const { pid } = identity;
  const handle = open(identity);
  if (handle === undefined) throw kept(pid, port, "it has ended, look again");
  try {
    for (const protocol of protocols) {
      const endpoint: Endpoint = { protocol, port };
      if (await handle.listensOn(endpoint) !== true) {
        throw kept(pid, port, `it is not seen to listen on ${port}/${protocol}`);
      }
    }
    return handle;
  } catch (error) {
    handle.close();
    throw error;
  }
}

async function end(handle: ProcessHandle, port: number): Promise<EndedListener> {
  const { pid } = handle;
  const command = handle.describe()?.command ?? null;
  const signal = await endProcess(handle, TIMEOUT_MS);
  if (signal === undefined) throw kept(pid, port, "it still runs after KILL");
  return { pid, command, signal };
}

function kept(pid: number, port: number, why: string): PortdError {
  return new PortdError("process_kept", `Cannot end pid ${pid}: ${why}`, { port, pid });
}
