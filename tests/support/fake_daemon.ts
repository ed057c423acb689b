/**
 * A daemon for tests of its clients: the real API and the real domain over a machine in memory. A test may have it
 * answer otherwise: with what is broken, late, or not portd's.
 */
import { createApp } from "../../routes/app.ts";
import type { LeaseRequest } from "../../src/client/wire.ts";
import type { Domain } from "../../src/daemon/domain.ts";
import type { EndedState, Lease } from "../../src/lease/lease.ts";
import type { Process } from "../../src/process/process.ts";
import { proofOf } from "../../src/proof.ts";
import { appPartsOf, TOKEN } from "./app.ts";
import { FakeClock } from "./clock.ts";
import { CONFIG, openTestDomain, type TestDomain } from "./domain.ts";
import { MemoryRouter } from "./gateway/memory_router.ts";
import { FakeMachine } from "./machine.ts";
import { type CheckedFetch, checkedFetch } from "./openapi/checked_fetch.ts";
import { type Asked, RawServer, type RawServerOptions, type Reply, respond } from "./raw_server.ts";

export { TOKEN };

/** Answers a request instead of the API; with `undefined` the API does. @param honestly asks the API. */
export type Fault = (asked: Asked, honestly: () => Promise<Response>) => Reply | Promise<Reply> | undefined;

/** A refusal. */
export interface FakeProblem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly [member: string]: unknown;
}

/** Options of {@linkcode FakeDaemon.open}. */
export interface FakeDaemonOptions extends RawServerOptions {
  /** Whether it speaks to {@linkcode FakeDaemon.router}. @default false: to none */
  readonly hasRouter?: boolean;
}

/** How many ports it has to grant. */
const POOL_SIZE = 60;
/** The longest time that the daemon keeps an event from a reader who waits for it. */
const WAKE_MS = 50;

/** A daemon that can be asked; disposing of it ends it. */
export class FakeDaemon implements AsyncDisposable {
  /** This very process runs on it. */
  readonly machine = new FakeMachine();
  readonly #clock = new FakeClock();
  /** The router of the machine. */
  readonly router = new MemoryRouter(this.#clock);
  /** Every request, apart from the questions for a proof. */
  readonly requests: Asked[] = [];
  /** The questions for a proof. */
  readonly proofs: Asked[] = [];
  /** Answers requests, apart from the questions for a proof. */
  fault: Fault = () => undefined;
  /** Answers the questions for a proof. */
  proofFault: Fault = () => undefined;
  readonly #server: RawServer;
  readonly #stopping = new AbortController();
  readonly #granted: string[] = [];
  readonly #waiting: (readonly [path: string, resolve: () => void])[] = [];
  #test!: TestDomain;
  #fetch!: CheckedFetch;
  #lastPid = 5000;
  #ended: Promise<void> | undefined;

  private constructor({ hasRouter: _, ...options }: FakeDaemonOptions) {
    this.#server = new RawServer((asked) => this.#reply(asked), options);
    this.machine.routerOn = ({ address, gateway }) => {
      const family = address.includes(":") ? "ipv6" : "ipv4";
      return { gateway: this.router.gateway(family, { localAddress: address, address: gateway! }), refusals: [] };
    };
  }

  /** Starts one. */
  static async open(options: FakeDaemonOptions = {}): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(options);
    const { machine } = daemon;
    machine.start(Deno.pid, { command: "deno test", cwd: Deno.cwd(), user: "me" });
    const gateway = { ...CONFIG.gateway, protocol: options.hasRouter ? "auto" as const : "none" as const };
    daemon.#test = await openTestDomain({ machine, clock: daemon.#clock, poolSize: POOL_SIZE, gateway });
    daemon.#serve();
    return daemon;
  }

  /** Base address, without `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get domain(): Domain {
    return this.#test.domain;
  }

  get clock(): FakeClock {
    return this.#test.clock;
  }

  /** Bytes that were sent and taken. */
  get sent(): number {
    return this.#server.sent;
  }

  /** Every lease that was ever granted, in that order. */
  get leases(): readonly Lease[] {
    const { registry, store } = this.domain;
    return this.#granted.map((id) => registry.present(registry.table.byId(id) ?? store.find(id)!));
  }

  /** Requests for one method and the beginning of a path, in order. */
  asked(method: string, path: string): Asked[] {
    return this.requests.filter((request) => request.method === method && request.path.startsWith(path));
  }

  /** Resolves when the next request for exactly this path has been decided. */
  whenAsked(path: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push([path, resolve]));
  }

  /** Grants one lease without being asked over HTTP. */
  async grant(request: LeaseRequest): Promise<Lease> {
    const headers = { host: new URL(this.url).host, "content-type": "application/json" };
    const init = { method: "POST", headers: { ...headers, authorization: `Bearer ${TOKEN}` } };
    const body = JSON.stringify(request);
    const response = await this.#fetch(new Request(`${this.url}/v1/leases`, { ...init, body }), {}, request);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
    this.clock.advance(WAKE_MS);
    return answer;
  }

  /** A process of the holder begins to listen on the port of a lease. @param part is what it has else. */
  async serve({ port, protocols, holder }: Lease, part: Partial<Process> = {}): Promise<Process> {
    const process = this.machine.start(++this.#lastPid, { cwd: holder.cwd, parentPid: holder.pid, ...part });
    for (const protocol of protocols) this.machine.listen({ protocol, port }, { pid: process.pid });
    await this.look();
    return process;
  }

  /** The watch looks at the machine. */
  async look(): Promise<void> {
    await this.domain.watch.look();
    this.clock.advance(WAKE_MS);
  }

  /** Ends a lease. */
  async end(id: string, state: EndedState): Promise<void> {
    await this.domain.registry.end(id, state);
    this.clock.advance(WAKE_MS);
  }

  /** Refuses the next request for a lease. */
  refuseNext({ status, ...members }: FakeProblem): void {
    this.fault = ({ method, path }) => {
      if (method !== "POST" || path !== "/v1/leases") return undefined;
      this.fault = () => undefined;
      return respond(JSON.stringify({ status, ...members }), { status, type: "application/problem+json" });
    };
  }

  /** Proves to know another token from now on; with null it answers as a program that has none. */
  proveAs(token: string | null): void {
    this.proofFault = async ({ path, headers }) => {
      const nonce = path.split("nonce=")[1]!;
      const subject = { address: headers.get("host")!, nonce };
      return Response.json({ proof: token === null ? nonce : await proofOf({ token, ...subject }) });
    };
  }

  /** Resolves when the next piece of a stream of events has been sent; the first one comes at once. */
  whenStreaming(): Promise<void> {
    return this.#server.whenStreaming();
  }

  /** Breaks every stream of events, as a daemon does that is restarted. */
  breakStreams(): void {
    this.#server.breakStreams();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    this.domain.registry.close();
    await this.#server[Symbol.asyncDispose]();
    await this.#test[Symbol.asyncDispose]();
  }

  #serve(): void {
    const { domain } = this;
    const log = (line: string) => {
      throw new Error(`a fault of the daemon: ${line}`);
    };
    const app = createApp({
      ...appPartsOf(domain, { stopping: this.#stopping, log, port: this.#server.port }),
      stop: () => void this[Symbol.asyncDispose](),
    });
    this.#fetch = checkedFetch(app.fetch);
    domain.events.subscribe((event) => {
      if (event.type === "lease.granted") this.#granted.push(event.record.id);
    });
  }

  async #reply(asked: Asked): Promise<Reply> {
    const isProof = asked.path.startsWith("/v1/proof?");
    (isProof ? this.proofs : this.requests).push(asked);
    const honestly = () => this.#answer(asked);
    const fault = isProof ? this.proofFault : this.fault;
    const reply = await (fault(asked, honestly) ?? honestly());
    for (const [path, resolve] of this.#waiting) if (path === asked.path) resolve();
    return reply;
  }

  async #answer({ method, path, headers, body }: Asked): Promise<Response> {
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const remoteAddr = { hostname: "127.0.0.1", port: 50_000 };
    return await this.#fetch(new Request(`http://${headers.get("host")}${path}`, init), { remoteAddr }, body);
  }
}
