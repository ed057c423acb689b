/** Serving HTTP on one address of the daemon, through whatever happens to its socket. */
import { PortdError } from "../errors.ts";
import type { AddressGuards } from "../network/address_guard.ts";

/** From which address a request comes. */
export type RequestInfo = Deno.ServeHandlerInfo<Deno.NetAddr>;

/** What answers requests, and learns from which address each comes. */
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  readonly hostname: string;
  /** 0 takes any. */
  readonly port: number;
  readonly handler: Handler;
  readonly log: (line: string) => void;
  /** Without them another program may take the address while nobody listens. */
  readonly guards?: AddressGuards | undefined;
  /** Called when there was no descriptor for a connection, before the address is listened on again. */
  readonly makeRoom?: () => Promise<void>;
}

/** A server that is listening. */
export interface Serving {
  readonly port: number;
  /** Whether no other user can take the address while this server lives. */
  readonly isGuarded: boolean;
  /** Resolves at the end; rejects with a {@linkcode PortdError} when another program has taken the address. */
  readonly finished: Promise<void>;
  /** Takes no new requests and finishes those in hand; after `graceMs` it cuts them off. Then the address is free. */
  shutdown(graceMs: number): Promise<void>;
}

const PAUSE_MS = 100;
/** Who floods the daemon is not to fill its log. */
const LOG_PAUSE_MS = 60_000;

/**
 * Listens and serves. When the listening socket fails later (Deno ends a server that meets EMFILE), it listens again;
 * the address is guarded meanwhile.
 *
 * @throws {PortdError} `port_in_use` when the address is taken, `port_privileged` when it may not be had.
 */
export function serve(options: ServeOptions): Serving {
  const { address, guard } = take(options);
  try {
    return new ListeningServer({ ...options, ...address }, guard);
  } catch (error) {
    guard?.[Symbol.dispose]();
    throw error;
  }
}

class ListeningServer implements Serving {
  readonly port: number;
  readonly finished: Promise<void>;
  readonly #options: ServeOptions;
  readonly #guard: Disposable | undefined;
  #server: Deno.HttpServer;
  #isEnding = false;

  constructor(options: ServeOptions, guard: Disposable | undefined) {
    this.#guard = guard;
    this.#server = listen(options, guard !== undefined);
    this.port = (this.#server.addr as Deno.NetAddr).port;
    this.#options = { ...options, port: this.port };
    this.finished = this.#run();
  }

  get isGuarded(): boolean {
    return this.#guard !== undefined;
  }

  async shutdown(graceMs: number): Promise<void> {
    this.#isEnding = true;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    await Promise.race([Promise.allSettled([this.#server.shutdown(), this.finished]), late]);
    clearTimeout(timer);
    this.#guard?.[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const { hostname, log, makeRoom } = this.#options;
    let loggedAt = -Infinity;
    for (;;) {
      try {
        await this.#server.finished;
        return;
      } catch (error) {
        if (this.#isEnding) return;
        if (performance.now() - loggedAt > LOG_PAUSE_MS) {
          loggedAt = performance.now();
          log(`stopped listening on ${hostname}:${this.port}: ${(error as Error).message}; listening again`);
        }
      }
      await makeRoom?.();
      await this.#listenAgain();
    }
  }

  async #listenAgain(): Promise<void> {
    const { hostname, log } = this.#options;
    let fault = "";
    while (!this.#isEnding) {
      try {
        this.#server = listen(this.#options, this.isGuarded);
        return;
      } catch (error) {
        if (error instanceof PortdError) throw error;
        const { message } = error as Error;
        if (message !== fault) log(`cannot listen on ${hostname}:${this.port} yet: ${message}`);
        fault = message; // said once, not ten times a second
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

interface Taken {
  readonly address: { readonly hostname: string; readonly port: number };
  readonly guard?: Disposable;
}

/**
 * Sees that nobody has the address, another server of this user included (SO_REUSEPORT would let both have it), and
 * guards it. An address that was used a minute ago by a program without SO_REUSEPORT cannot be guarded yet.
 */
function take({ hostname, port, guards, log }: ServeOptions): Taken {
  if (guards === undefined) return { address: { hostname, port } };
  const { hostname: ip, port: taken } = refuseInWords({ hostname, port }, () => {
    using listener = Deno.listen({ hostname, port });
    return listener.addr as Deno.NetAddr;
  });
  const address = { hostname: ip, port: taken };
  try {
    return { address, guard: guards.guard({ ...address, transport: "tcp" }) };
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    log(`${(error as Error).message}: a connection of a program that had the address before is in the way`);
    return { address };
  }
}

function listen({ hostname, port, handler }: ServeOptions, reusePort: boolean): Deno.HttpServer {
  return refuseInWords({ hostname, port }, () => Deno.serve({ hostname, port, reusePort, onListen() {} }, handler));
}

/** @throws {PortdError} in the place of the two failures that a user can do something about. */
function refuseInWords<T>({ hostname, port }: { readonly hostname: string; readonly port: number }, take: () => T): T {
  try {
    return take();
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
