/** The network of this machine: from the daemon, which may see more, or else read by this process. */
import { NoDaemonError, UnprovenPeerError } from "../../client/transport.ts";
import type { PortdClient } from "../../client/client.ts";
import type { Line, NetworkFacts } from "../../client/wire.ts";
import { PortdError } from "../../errors.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { isTimeout } from "../exit.ts";

/** What is known of the network. */
export interface KnownNetwork {
  readonly facts: NetworkFacts;
  /** Undefined without a daemon, and from an older one. */
  readonly line: Line | undefined;
}

/**
 * Asks the daemon, and starts none. Where none runs, or an older one does, this process reads the network itself; not where
 * the address was given: then that daemon was meant.
 */
export async function readNetwork(context: CliContext, flags: CommonFlags): Promise<KnownNetwork> {
  try {
    const client = await findDaemon(context, flags, { start: false });
    const [facts, line] = await Promise.all([client.network(), readLine(client)]);
    return { facts, line };
  } catch (error) {
    const isGiven = (flags.url ?? context.env.PORTD_URL) !== undefined;
    if (isGiven || !mayLook(error)) throw error;
    return { facts: await context.readNetwork(), line: undefined };
  }
}

async function readLine(client: PortdClient): Promise<Line | undefined> {
  try {
    return await client.line();
  } catch (error) {
    if (isUnknownCall(error)) return undefined;
    throw error;
  }
}

function mayLook(error: unknown): boolean {
  if (error instanceof UnprovenPeerError) return false;
  return error instanceof NoDaemonError || isUnknownCall(error) || isTimeout(error);
}

/** Whether a daemon is older than the call. */
function isUnknownCall(error: unknown): boolean {
  return error instanceof PortdError && error.code === "not_found";
}
