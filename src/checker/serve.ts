/** Running a checker until it is stopped. The HTTP layer is passed in: src/ does not know it. */
import { systemClock } from "../clock.ts";
import { PortdError, reasonOf } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import { onWildcards } from "../os/wildcard.ts";
import { Checker } from "./checker.ts";
import { type Answerer, Connections } from "./connections.ts";

/** The port of a checker. */
export const CHECKER_PORT = 7679;

/** Options of {@linkcode serveChecker}. */
export interface ServeCheckerOptions {
  /** Makes the HTTP layer. */
  readonly createApp: (checker: Checker, log: WriteLine) => Answerer;
  /** One address of this machine; port 0 takes any. @default every address, port 7679 */
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
  readonly allowPrivate: boolean;
  readonly log: WriteLine;
  readonly signal: AbortSignal;
  /** Called with the addresses when requests are served. */
  readonly onReady: (addresses: readonly Deno.NetAddr[]) => void;
}

/**
 * Serves until the signal is aborted.
 *
 * @throws {PortdError} `port_in_use` or `port_privileged`.
 * @throws {Error} where the address is none of this machine.
 */
export async function serveChecker(options: ServeCheckerOptions): Promise<void> {
  const { createApp, allowPrivate, log, signal, onReady } = options;
  const listeners = listen(options);
  const connections = new Connections(createApp(new Checker({ clock: systemClock(), allowPrivate }), log), { log });
  onReady(listeners.map(({ addr }) => addr as Deno.NetAddr));
  await Promise.all(listeners.map((listener) => connections.serve(listener, signal)));
}

/** Plain TCP: a connection of Deno's TLS cannot be closed while its handshake waits, and anybody could keep all of them. */
function listen({ listen }: ServeCheckerOptions): readonly Deno.TcpListener[] {
  const open = (address: { readonly hostname: string; readonly port: number }) => Deno.listen(address);
  const { host, port } = listen ?? { host: "::", port: CHECKER_PORT };
  try {
    return host === "::" ? onWildcards(port, open) : [open({ hostname: host, port })];
  } catch (error) {
    throw explain(error, { host, port });
  }
}

function explain(cause: unknown, { host, port }: { readonly host: string; readonly port: number }): unknown {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  if (cause instanceof Deno.errors.AddrInUse) {
    const message = `Cannot listen on ${address}: another program does; choose another port with --listen`;
    return new PortdError("port_in_use", message, { port }, { cause });
  }
  if (!(cause instanceof Deno.errors.PermissionDenied)) {
    return new Error(`Cannot listen on ${address}: ${reasonOf(cause)}`, { cause });
  }
  return new PortdError("port_privileged", `Cannot listen on ${address}: no permission`, { port }, { cause });
}
