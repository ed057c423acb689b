/** Serving HTTP on the daemon's addresses, through whatever happens to the sockets. */
import { PortdError } from "./errors.ts";

/** What answers requests, and learns from which address each comes. */
export type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Response | Promise<Response>;

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  readonly hostname: string;
  /** 0 takes any. */
  readonly port: number;
  readonly handler: Handler;
  readonly log: (line: string) => void;
}

/** A server that is listening. */
export interface Serving {
  readonly port: number;
  /** Takes no new requests and finishes those in hand; after `graceMs` it cuts them off. */
  shutdown(graceMs: number): Promise<void>;
}

const PAUSE_MS = 100;

/**
 * Listens and serves. When the listening socket fails later (Deno ends a server that meets EMFILE), it listens anew.
 *
 * @throws {PortdError} `port_in_use` when the address is taken, `port_privileged` when it may not be had.
 */
export function serve(options: ServeOptions): Serving {
  const { hostname, handler, log } = options;
  let isEnding = false;
  let server = listen(options);
  const { port } = server.addr as Deno.NetAddr;
  const running = (async () => {
    for (;;) {
      try {
        await server.finished;
        return;
      } catch (error) {
        if (isEnding) return;
        log(`stopped listening on ${hostname}:${port}: ${(error as Error).message}; trying again`);
      }
      server = await listenAgain({ hostname, port, handler, log }, () => isEnding) ?? server;
    }
  })();
  return {
    port,
    async shutdown(graceMs) {
      isEnding = true;
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, graceMs);
      await Promise.race([server.shutdown().then(() => running), late]);
      clearTimeout(timer);
    },
  };
}

async function listenAgain(options: ServeOptions, isEnding: () => boolean): Promise<Deno.HttpServer | undefined> {
  let fault = "";
  while (!isEnding()) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    try {
      return listen(options);
    } catch (error) {
      const { message } = error as Error;
      if (message !== fault) options.log(`cannot listen on ${options.hostname}:${options.port} yet: ${message}`);
      fault = message; // said once, not ten times a second
    }
  }
}

function listen({ hostname, port, handler }: ServeOptions): Deno.HttpServer {
  try {
    return Deno.serve({ hostname, port, onListen() {} }, handler);
  } catch (error) {
    const address = `${hostname}:${port}`;
    if (error instanceof Deno.errors.AddrInUse) {
      throw new PortdError("port_in_use", `Cannot listen on ${address}: another program does`, { port }, {
        cause: error,
      });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new PortdError("port_privileged", `Cannot listen on ${address}: no permission`, { port }, { cause: error });
    }
    throw error;
  }
}
