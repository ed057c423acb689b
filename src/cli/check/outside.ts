/** The part of `portd check` that runs in the command itself: the temporary listener, and the question to a checker. */
import { specialKind } from "../../checker/caller_address.ts";
import type { CheckRequest } from "../../checker/checker.ts";
import { makeNonce } from "../../checker/probe.ts";
import type { PortdClient } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import type { Endpoint } from "../../port/port.ts";
import { type OutsideFact, withOutside } from "../../reach/judge.ts";
import { openTemporaryListener, type TemporaryListener } from "../../reach/listen.ts";
import { askChecker, CheckerError } from "../../reach/outside.ts";
import type { ReachReport, ReachRequest } from "../../reach/reach.ts";

/** What to check. */
export interface CheckOptions {
  readonly port: number;
  readonly request: ReachRequest;
  /** The checker; without one nobody outside is asked. */
  readonly via: URL | undefined;
  /** Whether to listen on the port meanwhile. */
  readonly listen: boolean;
}

/**
 * Checks with the daemon and the checker. With the token the daemon also asks the router.
 *
 * @throws {PortdError} `port_in_use` where somebody listens already, and as the call does.
 */
export async function checkOutside(client: PortdClient, options: CheckOptions): Promise<ReachReport> {
  const { port, request, via, listen } = options, asks = client.hasToken;
  if (!listen) return await askBoth(client, { port, request: { ...request, asks }, via });
  const nonce = makeNonce(), { protocol = "tcp" } = request;
  await using _listener = await listenOn({ port, protocol }, nonce);
  // Without the token the daemon is not given the nonce: it then only sees that somebody listens.
  return await askBoth(client, { port, request: { ...request, asks, ...(asks && { nonce }) }, via, nonce });
}

/** @throws {PortdError} with what to do where somebody listens already. */
async function listenOn(endpoint: Endpoint, nonce: string): Promise<TemporaryListener> {
  try {
    return await openTemporaryListener(endpoint, nonce);
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "port_in_use") throw error;
    throw new PortdError(error.code, `${error.message}; leave --listen out, or stop that server first`, error.data);
  }
}

interface Question extends Omit<CheckOptions, "listen"> {
  /** That of the temporary listener. */
  readonly nonce?: string;
}

async function askBoth(client: PortdClient, question: Question): Promise<ReachReport> {
  const { port, request, via, nonce } = question;
  const report = await client.checkPort(port, request);
  if (via === undefined) return report;
  const { external: { port: outer }, protocol } = report, isOurs = nonce !== undefined;
  if (protocol === "udp" && !isOurs) {
    const failure = "a UDP service need not answer strangers: stop it, and let portd listen in its place (--listen)";
    return withOutside(report, { url: via.origin, answer: null, failure, isOurs });
  }
  const seen = await askVia(via, report, nonce);
  if (seen.answer === null || specialKind(seen.answer.address) === undefined) return withOutside(report, seen);
  // The checker is on a network of this machine: it says nothing of the internet, and something of that network.
  const local = await client.checkPort(port, { ...request, from: "lan" });
  return withOutside(local, outer === port ? seen : await askVia(via, local, nonce));
}

async function askVia(via: URL, { family, protocol, external }: ReachReport, nonce?: string): Promise<OutsideFact> {
  const asked: CheckRequest = { port: external.port, protocol, ...(nonce !== undefined && { nonce }) };
  const localAddress = family === "ipv6" ? external.address ?? undefined : undefined;
  const fact = { url: via.origin, isOurs: nonce !== undefined };
  try {
    return { ...fact, answer: await askChecker(asked, { url: via, family, localAddress }), failure: null };
  } catch (error) {
    if (!(error instanceof CheckerError)) throw error;
    return { ...fact, answer: null, failure: `the checker ${via.origin}: ${error.message}` };
  }
}
