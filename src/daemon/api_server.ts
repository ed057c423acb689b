/**
 * The daemon's addresses. They stay open while what is behind them is exchanged for another: requests that come
 * meanwhile wait, and nobody is turned away.
 */
import { splitAddress } from "../config.ts";
import { PortdError } from "../errors.ts";
import type { AddressGuards } from "../network/address_guard.ts";
import type { Crowd } from "../network/crowd.ts";
import { openAddressGuards, openCrowd } from "../network/open.ts";
import { type Handler, type RequestInfo, serve, type ServeOptions, type Serving } from "./serve.ts";

/** Hosts that stand for both loopback addresses. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);

/** Whether an address is one from which only this machine is reached. */
export function isLoopback(listen: string): boolean {
  return LOOPBACK.has(splitAddress(listen)!.host);
}

/** Options of {@linkcode Entrance}. */
export interface EntranceOptions {
  /** Null leaves the addresses unguarded. @default those of this system */
  readonly guards?: AddressGuards | null | undefined;
  /** @default that of this system */
  readonly crowd?: Crowd | undefined;
}

/** The listening sockets, and the way from them to whoever answers. */
export class Entrance {
  readonly #guards: AddressGuards | undefined;
  readonly #crowd: Crowd | undefined;
  readonly #lost = Promise.withResolvers<Error>();
  #listen = "";
  #servers: Serving[] = [];
  /** The second loopback address where another program has it. */
  #contested: string | undefined;
  #handler: Handler | undefined;
  /** Comes when there is a handler again. */
  #next = Promise.withResolvers<Handler>();
  #inHand = 0;
  #done = Promise.withResolvers<void>();
  #log: (line: string) => void = () => {};

  constructor({ guards = openAddressGuards(), crowd }: EntranceOptions = {}) {
    this.#guards = guards ?? undefined;
    this.#crowd = crowd ?? openCrowd((line) => this.#log(line));
  }

  /** Comes when another program has taken an address while it was not listened on; then the daemon is to end. */
  get lost(): Promise<Error> {
    return this.#lost.promise;
  }

  /** `[::1]:PORT` where another program listens there on our port: who calls `localhost` may reach that one. */
  get contested(): string | undefined {
    return this.#contested;
  }

  /** Whether no other user can take an address while it is not listened on; false on a system without guards. */
  get isGuarded(): boolean {
    return this.#servers.every(({ isGuarded }) => isGuarded);
  }

  /** The base address, without `/v1`. */
  get url(): string {
    const { host } = splitAddress(this.#listen)!;
    return `http://${literal(host === "localhost" ? "127.0.0.1" : host)}:${this.port}`;
  }

  /** Values of the Host header that name this daemon. */
  get hosts(): ReadonlySet<string> {
    const { host } = splitAddress(this.#listen)!;
    return new Set(["localhost", "127.0.0.1", "[::1]", literal(host)].map((name) => `${name}:${this.port}`));
  }

  /**
   * Values of the Host header at which nobody but this daemon can be reached on this machine: no name that may lead to
   * an address that it does not listen on.
   */
  get provable(): ReadonlySet<string> {
    const { host } = splitAddress(this.#listen)!;
    const names = isLoopback(this.#listen) && host !== "::1"
      ? ["127.0.0.1", ...(this.#contested === undefined ? ["localhost"] : [])]
      : [literal(host), ...(host === "0.0.0.0" ? ["127.0.0.1"] : host === "::" ? ["[::1]"] : [])];
    return new Set([...names, ...(this.#servers.length > 1 ? ["[::1]"] : [])].map((name) => `${name}:${this.port}`));
  }

  /**
   * Listens, unless it does so there already: on both loopback addresses where it is one of them, with port 0 on any.
   * Requests wait until it is {@linkcode open}.
   *
   * @param listen is `host:port`, as the configuration has it.
   * @throws {PortdError} `port_in_use`, naming the portd that has the address, or `port_privileged`.
   */
  async listen(listen: string, log: (line: string) => void): Promise<void> {
    this.#log = log;
    if (listen === this.#listen) return;
    const before = this.#servers;
    this.#servers = await this.#serve(listen);
    this.#listen = listen;
    for (const { finished } of this.#servers) finished.catch(this.#lost.resolve);
    this.#crowd?.watch(this.port);
    await shutDown(before, 0);
  }

  /** Lets requests through. */
  open(handler: Handler): void {
    this.#handler = handler;
    this.#next.resolve(handler);
    this.#next = Promise.withResolvers();
  }

  /** Has requests wait, and ends when those in hand are answered, or after `graceMs`. */
  async hold(graceMs: number): Promise<void> {
    this.#handler = undefined;
    if (this.#inHand === 0) return;
    this.#done = Promise.withResolvers();
    const timer = setTimeout(this.#done.resolve, graceMs);
    await this.#done.promise;
    clearTimeout(timer);
  }

  /** Takes no more requests, and ends when those in hand are answered, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#next.resolve(() => new Response(null, { status: 503 })); // who has waited for a handler in vain
    this.#crowd?.stop();
    await shutDown(this.#servers, graceMs);
    this.#servers = [];
    this.#listen = "";
  }

  /** The port, the same on all addresses. */
  get port(): number {
    return this.#servers[0]!.port;
  }

  async #serve(listen: string): Promise<Serving[]> {
    const { host, port: wished } = splitAddress(listen)!;
    const [first, second] = host === "::1" ? ["::1"] : isLoopback(listen) ? ["127.0.0.1", "::1"] : [host];
    const options = {
      handler: (request, info) => this.#pass(request, info),
      log: (line) => this.#log(line),
      guards: this.#guards,
      makeRoom: async () => await this.#crowd?.relieve(),
    } satisfies Partial<ServeOptions>;
    const servers = [await serveOrRefuse({ hostname: first!, port: wished, ...options })];
    const { port } = servers[0]!;
    this.#contested = undefined;
    if (second !== undefined) {
      try {
        servers.push(serve({ hostname: second, port, ...options }));
      } catch (error) {
        this.#log(`not on [${second}]:${port}: ${(error as Error).message}`);
        if (error instanceof PortdError && error.code === "port_in_use") this.#contested = `[${second}]:${port}`;
      }
    }
    return servers;
  }

  #pass(request: Request, info: RequestInfo): Response | Promise<Response> {
    const handler = this.#handler;
    if (handler !== undefined) return this.#answer(handler, request, info);
    return this.#next.promise.then((next) => this.#answer(next, request, info));
  }

  #answer(handler: Handler, request: Request, info: RequestInfo): Response | Promise<Response> {
    const answer = handler(request, info);
    if (answer instanceof Response) return answer;
    this.#inHand++;
    const done = () => {
      if (--this.#inHand === 0) this.#done.resolve();
    };
    answer.then(done, done); // beside the way of the answer, which is not to be longer for it
    return answer;
  }
}

async function shutDown(servers: readonly Serving[], graceMs: number): Promise<void> {
  await Promise.all(servers.map((server) => server.shutdown(graceMs)));
}

async function serveOrRefuse(options: ServeOptions): Promise<Serving> {
  try {
    return serve(options);
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "port_in_use") throw error;
    const url = `http://${literal(options.hostname)}:${options.port}`;
    const other = await whoServes(url);
    if (other === undefined) throw error;
    throw new PortdError("port_in_use", `Cannot start: ${other} already serves ${url}`, { port: options.port });
  }
}

/** The portd that answers at an address. */
async function whoServes(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(2000) });
    const { version, pid, type } = await response.json();
    if (String(type).startsWith("urn:portd:")) return "a portd that asks for a token";
    return typeof version === "string" ? `portd ${version} (pid ${pid})` : undefined;
  } catch (error) {
    // Whatever is there does not speak our language.
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException) return undefined;
    throw error;
  }
}

function literal(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
