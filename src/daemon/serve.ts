/**
 * Serving HTTP on one address: takes it, guards it, and listens again when the listening socket fails. What the
 * daemon's addresses have to do with each other is api_server.ts.
 */
import { PortdError, reasonOf } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import type { GuardAddress } from "../network/open.ts";
import { pause, within } from "../wait.ts";
import { type Address, explainListenFailure } from "./listen_failure.ts";

/** The address from which a request comes. */
export type RequestInfo = Deno.ServeHandlerInfo<Deno.NetAddr>;

/** Answers requests. */
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly handler: Handler;
  readonly log: WriteLine;
  /** Without it another program may take the address while nobody listens. */
  readonly guardAddress?: GuardAddress | undefined;
  /** Called when there was no descriptor for a connection, before the address is listened on again. */
  readonly makeRoom?: () => Promise<void>;
}

/** A server that is listening. */
export interface Serving {
  readonly port: number;
  /** Resolves when the server has ended; rejects with a {@linkcode PortdError} when another program took the address. */
  readonly finished: Promise<void>;
  /** Takes no new requests and finishes those in hand; cuts them off after `graceMs`. Then the address is free. */
  shutdown(graceMs: number): Promise<void>;
}

/** Between two tries to listen again. */
const PAUSE_MS = 100;
/** At most one line in this time, so that a flood of connections does not fill the log. */
const LOG_PAUSE_MS = 60_000;

/**
 * Listens and serves. When the listening socket fails later (Deno ends a server when accept(2) answers EMFILE), it
 * listens again; meanwhile the guard keeps the address.
 *
 * @throws {PortdError} `port_in_use` when the address is taken, `port_privileged` when this user may not listen there.
 */
export function serve(options: ServeOptions): Serving {
  const { guard, ...address } = takeAddress(options);
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

  async shutdown(graceMs: number): Promise<void> {
    this.#isEnding = true;
    await within(Promise.allSettled([this.#server.shutdown(), this.finished]), graceMs);
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
          log(`stopped listening on ${hostname}:${this.port}: ${reasonOf(error)}; listening again`, "warning");
        }
      }
      await makeRoom?.();
      await this.#listenAgain();
    }
  }

  async #listenAgain(): Promise<void> {
    const { hostname, log } = this.#options;
    let logged = "";
    while (!this.#isEnding) {
      try {
        this.#server = listen(this.#options, this.#guard !== undefined);
        return;
      } catch (error) {
        if (error instanceof PortdError) throw error;
        const message = reasonOf(error);
        if (message !== logged) log(`cannot listen on ${hostname}:${this.port} yet: ${message}`, "warning");
        logged = message; // once, not ten times a second
      }
      await pause(PAUSE_MS);
    }
  }
}

/**
 * Makes sure that nobody has the address, not even another server of this user (SO_REUSEPORT would let both have it),
 * and guards it.
 */
function takeAddress({ hostname, port, guardAddress }: ServeOptions): Address & { readonly guard?: Disposable } {
  if (guardAddress === undefined) return { hostname, port };
  const address = explainRefusal({ hostname, port }, () => {
    using listener = Deno.listen({ hostname, port });
    return listener.addr as Deno.NetAddr;
  });
  const bound = { hostname: address.hostname, port: address.port };
  return { ...bound, guard: explainRefusal(bound, () => guardAddress(address)) };
}

function listen({ hostname, port, handler }: ServeOptions, reusePort: boolean): Deno.HttpServer {
  return explainRefusal({ hostname, port }, () => Deno.serve({ hostname, port, reusePort, onListen() {} }, handler));
}

/** @throws {PortdError} instead of the failures that a user can do something about. */
function explainRefusal<T>(address: Address, listen: () => T): T {
  try {
    return listen();
  } catch (error) {
    throw explainListenFailure(error, address);
  }
}
