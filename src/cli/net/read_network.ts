/** The network of this machine: from the daemon, which may see more, or else read by this process. */
import { NoDaemonError, UnprovenPeerError } from "../../client/transport.ts";
import type { NetworkFacts } from "../../client/wire.ts";
import { PortdError } from "../../errors.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { isTimeout } from "../exit.ts";

/**
 * Asks the daemon, and starts none. Where none runs, or an older one does, this process reads the network itself; not where
 * the address was given: then that daemon was meant.
 */
export async function readNetwork(context: CliContext, flags: CommonFlags): Promise<NetworkFacts> {
  try {
    const client = await findDaemon(context, flags, { start: false });
    return await client.network();
  } catch (error) {
    const isGiven = (flags.url ?? context.env.PORTD_URL) !== undefined;
    if (isGiven || !mayLook(error)) throw error;
    return await context.readNetwork();
  }
}

function mayLook(error: unknown): boolean {
  if (error instanceof UnprovenPeerError) return false;
  const isOlder = error instanceof PortdError && error.code === "not_found";
  return error instanceof NoDaemonError || isOlder || isTimeout(error);
}
