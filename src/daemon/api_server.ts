/**
 * The API's server: one address, or both loopback addresses on one port. It knows under which names it is reached, and
 * who else has one of its addresses. serve.ts holds each single address.
 */
import { askPortd } from "../client/ask.ts";
import type { WriteLine } from "../log_line.ts";
import { splitAddress } from "../settings.ts";
import { PortdError, reasonOf } from "../errors.ts";
import { type GuardAddress, openAddressGuard, openCrowd } from "../network/open.ts";
import { type Handler, type RequestInfo, serve, type ServeOptions, type Serving } from "./serve.ts";

/** Hosts that stand for both loopback addresses. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);

/** Whether only this machine can reach an address. */
export function isLoopback(listen: string): boolean {
  return LOOPBACK.has(splitAddress(listen)!.host);
}

/** Options of {@linkcode ApiServer.listen}. */
export interface ApiServerOptions {
  readonly log: WriteLine;
  /** Null leaves the addresses unguarded. @default that of this system */
  readonly guardAddress?: GuardAddress | null | undefined;
}

/** The listening sockets, and the way from them to the handler. */
export class ApiServer {
  readonly #host: string;
  readonly #log: WriteLine;
  readonly #guardAddress: GuardAddress | undefined;
  readonly #crowd: ReturnType<typeof openCrowd>;
  readonly #opened = Promise.withResolvers<Handler>();
  #handler: Handler | undefined;
  #servers: readonly Serving[] = [];
  #contested: string | undefined;
  readonly #lost = Promise.withResolvers<Error>();
  /** Resolves when another program has taken an address while nobody listened on it: the daemon must then end. */
  readonly lost = this.#lost.promise;

  private constructor(host: string, options: ApiServerOptions) {
    const { log, guardAddress = openAddressGuard() } = options;
    this.#host = host;
    this.#log = log;
    this.#guardAddress = guardAddress ?? undefined;
    this.#crowd = openCrowd(log);
  }

  /**
   * Listens: on both loopback addresses where it is one of them, with port 0 on any port. Requests wait until the
   * server is {@linkcode open}.
   *
   * @param address is `host:port`, as the configuration has it.
   * @throws {PortdError} `port_in_use`, naming the portd that has the address, or `port_privileged`.
   */
  static async listen(address: string, options: ApiServerOptions): Promise<ApiServer> {
    const { host, port } = splitAddress(address)!;
    const server = new ApiServer(host, options);
    await server.#listen(port);
    return server;
  }

  /** `[::1]:PORT` where another program listens there on our port: who calls `localhost` may reach that one. */
  get contested(): string | undefined {
    return this.#contested;
  }

  /** The port, the same on all addresses. */
  get port(): number {
    return this.#servers[0]!.port;
  }

  /** The base address, without `/v1`. */
  get url(): string {
    return `http://${literal(this.#host === "localhost" ? "127.0.0.1" : this.#host)}:${this.port}`;
  }

  /** Values of the Host header that name this daemon. */
  get hosts(): ReadonlySet<string> {
    return this.#withPort("localhost", "127.0.0.1", "[::1]", literal(this.#host));
  }

  /**
   * Values of the Host header at which nobody but this daemon can be reached on this machine: no name that may lead to
   * an address on which it does not listen.
   */
  get provable(): ReadonlySet<string> {
    const host = this.#host;
    if (LOOPBACK.has(host) && host !== "::1") {
      const others = [...(this.#contested === undefined ? ["localhost"] : []), ...(this.#servers[1] ? ["[::1]"] : [])];
      return this.#withPort("127.0.0.1", ...others);
    }
    return this.#withPort(literal(host), ...(host === "0.0.0.0" ? ["127.0.0.1"] : host === "::" ? ["[::1]"] : []));
  }

  /** Ends the connection of a peer, also when it takes nothing; `undefined` where this system offers no way. */
  get cutConnection(): ((peer: Deno.NetAddr) => void) | undefined {
    const crowd = this.#crowd;
    return crowd && ((peer) => crowd.cut(peer));
  }

  /** Lets requests through. */
  open(handler: Handler): void {
    this.#handler = handler;
    this.#opened.resolve(handler);
  }

  /** Takes no more requests, and ends when those in hand are answered, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#opened.resolve(() => new Response(null, { status: 503 })); // for requests that waited for `open` in vain
    this.#crowd?.stop();
    await Promise.all(this.#servers.map((server) => server.shutdown(graceMs)));
  }

  async #listen(wishedPort: number): Promise<void> {
    const host = this.#host;
    const [first, second] = host === "::1" ? ["::1"] : LOOPBACK.has(host) ? ["127.0.0.1", "::1"] : [host];
    const options = {
      handler: (request, info) => this.#pass(request, info),
      log: this.#log,
      guardAddress: this.#guardAddress,
      makeRoom: async () => await this.#crowd?.relieve(),
    } satisfies Partial<ServeOptions>;
    const servers = [await serveOrNameOwner({ hostname: first!, port: wishedPort, ...options })];
    const { port } = servers[0]!;
    if (second !== undefined) {
      try {
        servers.push(serve({ hostname: second, port, ...options }));
      } catch (error) {
        this.#log(`not on [${second}]:${port}: ${reasonOf(error)}`, "warning");
        if (error instanceof PortdError && error.code === "port_in_use") this.#contested = `[${second}]:${port}`;
      }
    }
    for (const { finished } of servers) finished.catch(this.#lost.resolve);
    this.#servers = servers;
    this.#crowd?.watch(port);
  }

  #pass(request: Request, info: RequestInfo): Response | Promise<Response> {
    if (this.#handler !== undefined) return this.#handler(request, info);
    return this.#opened.promise.then((handler) => handler(request, info));
  }

  #withPort(...names: readonly string[]): ReadonlySet<string> {
    return new Set(names.map((name) => `${name}:${this.port}`));
  }
}

/** @throws {PortdError} `port_in_use`, with the name of the portd that has the address. */
async function serveOrNameOwner(options: ServeOptions): Promise<Serving> {
  try {
    return serve(options);
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "port_in_use") throw error;
    const url = `http://${literal(options.hostname)}:${options.port}`;
    const other = await askPortd(url);
    if (other === undefined) throw error;
    const name = other.version === null ? "a portd that asks for a token" : `portd ${other.version} (pid ${other.pid})`;
    const ways = "use that one, stop it (portd stop), or give this one another address (portd serve --listen)";
    throw new PortdError("port_in_use", `Cannot start: ${name} already serves ${url}; ${ways}`, { port: options.port });
  }
}

/** A host as it is written in an address. */
function literal(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
