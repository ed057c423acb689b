/**
 * The typed client of portd's HTTP API: one method for each call. The CLI is built on it, and so can be anything else:
 * src/library/portd.ts brings it to scripts of Deno, Node and Bun. So it and what it imports use no package, nothing of
 * Deno's at run time, and nothing that Node 20 has not. docs/api.md describes the API.
 */
import type { PortDescription } from "../inspect/description.ts";
import type { Lease } from "../lease/lease.ts";
import type { ListedSocket, SocketQuery } from "../listener/listener.ts";
import { type CallOptions, Calls, type LeaseRef, leaseShapes, pathOf, queryOf } from "./calls.ts";
import type { EventsOptions, EventSource } from "./events.ts";
import { OutsideClient } from "./outside_client.ts";
import { type ApiRequest, fetchTransport, MOST_BODY_BYTES, type Transport } from "./transport.ts";
import type {
  Activity,
  AmendRequest,
  AnyEvent,
  DaemonStatus,
  DashboardCode,
  ExposureRequest,
  ImportOutcome,
  LeaseDocument,
  LeaseFilter,
  LeasePage,
  LeaseRequest,
  PortMap,
} from "./wire.ts";

export { NoDaemonError, UnprovenPeerError, UnusableAnswerError } from "./transport.ts";
export { PortdError } from "../errors.ts";
export type { CallOptions, LeaseRef } from "./calls.ts";
export type { EventsOptions } from "./events.ts";
export type { ApiAnswer, ApiRequest, Transport } from "./transport.ts";
export type { ListedSocket, SocketQuery } from "../listener/listener.ts";
export type { Protocol } from "../port/port.ts";
export type { Lease, LeaseState, Lifetime } from "../lease/lease.ts";
export type { PortDescription, PortSocket, Verdict } from "../inspect/description.ts";
export type { LeaseEventType, ListenerEventType } from "../lease/events.ts";
export type * from "./wire.ts";

/** The default address of a daemon. */
export const DEFAULT_URL = "http://127.0.0.1:7678";
/** The default address of a daemon in WSL: on the other one the daemon of Windows may answer. */
export const DEFAULT_WSL_URL = "http://127.0.0.1:7688";

/** Options of {@linkcode PortdClient}. */
export interface ClientOptions {
  /** Address of the daemon, with or without `/v1`. @default "http://127.0.0.1:7678" */
  readonly url?: string;
  /**
   * The admin token; `export`, `import` and `stop` need it. Sent with every request, and only to a daemon that has proven
   * to know it: otherwise {@linkcode UnprovenPeerError}.
   */
  readonly token?: string;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Used instead of `fetch` and its checks. */
  readonly transport?: Transport;
  /** How long one answer may take, in milliseconds; events may take any time. @default 30000 */
  readonly timeoutMs?: number;
}

/** Options of a grant. */
export interface GrantOptions extends CallOptions {
  /** Makes a repeated request harmless: for 24 hours it gets the same answer. 1–255 visible ASCII characters. */
  readonly idempotencyKey?: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** For a page of leases with the longest holders, labels and names. */
const MOST_PAGE_BYTES = 32 << 20;
/** For a whole list of leases: in pages, in bytes, and in how many times the limit of a single answer. */
const MOST_PAGES = 10_000, MOST_LIST_BYTES = 4 * MOST_BODY_BYTES, MOST_ANSWER_TIMES = 10;

/**
 * Talks to one daemon. Keeps no connection and no state; any number of calls may run at once.
 *
 * Every method throws {@linkcode PortdError} when the daemon refuses, {@linkcode NoDaemonError} when nobody answers or
 * what answers is not portd, {@linkcode UnusableAnswerError} when an answer is not what the API promises, and a
 * `TimeoutError` (`DOMException`) when it does not come in time. Answers are checked completely, and bounded in bytes.
 *
 * @example
 * ```ts
 * import { PortdClient } from "./client.ts";
 *
 * const portd = new PortdClient();
 * const lease = await portd.grant({ name: "web", project: "shop", ttlMs: 60_000 });
 * console.log(lease.port);
 * await portd.release(lease.id);
 * ```
 */
export class PortdClient extends OutsideClient {
  /** Base address, without `/v1`. */
  readonly url: string;
  /** Whether requests are sent with the token. */
  readonly hasToken: boolean;
  readonly #calls: Calls;
  readonly #timeoutMs: number;

  constructor(options: ClientOptions = {}) {
    const { url = DEFAULT_URL, token, transport, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const base = url.replace(/\/+$/, "").replace(/\/v1$/, "");
    const calls = new Calls({ url: base, token, transport: transport ?? fetchTransport(options.fetch), timeoutMs });
    super(calls);
    this.url = base;
    this.#timeoutMs = timeoutMs;
    this.hasToken = token !== undefined;
    this.#calls = calls;
  }

  /**
   * Asks for one port. Asking again for a name whose lease is live returns that lease.
   *
   * @throws {PortdError} `port_leased`, `port_in_use`, `name_taken`, `pool_exhausted` and others, with a free port as
   * `data.suggestion` where there is one.
   */
  async grant(request: LeaseRequest, options: GrantOptions = {}): Promise<Lease> {
    const leases = await this.grantAll(request, options);
    if (leases.length !== 1) {
      throw new TypeError("Cannot answer with one lease: several ports were asked; use grantAll()");
    }
    return leases[0]!;
  }

  /** Asks for one port or several (`count`, `block`, `services`), all or none; answered in the order asked. */
  async grantAll(request: LeaseRequest, options: GrantOptions = {}): Promise<readonly Lease[]> {
    const { idempotencyKey, ...rest } = options;
    const headers: ApiRequest["headers"] = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    const extraMs = request.waitMs ?? 0;
    const { services, count, block } = request;
    const several = services?.length ?? count ?? block;
    const shape = async () => (await leaseShapes()).grantOf(several ?? 1, several !== undefined);
    const call = { method: "POST", path: "/leases", body: request, headers, extraMs, shape } as const;
    const answer = await this.#calls.json({ ...call, mostBytes: MOST_PAGE_BYTES, ...rest });
    return "leases" in answer ? answer.leases : [answer];
  }

  /** One page of leases. */
  async list(filter: LeaseFilter = {}, options: CallOptions = {}): Promise<LeasePage> {
    return (await this.#page(filter, options)).page;
  }

  /**
   * All leases that match the filter, from as many pages as there are.
   *
   * @throws {UnusableAnswerError} when the list has no end.
   */
  async listAll(filter: LeaseFilter = {}, options: CallOptions = {}): Promise<Lease[]> {
    const leases: Lease[] = [], cursors = new Set<string>();
    const deadline = performance.now() + MOST_ANSWER_TIMES * this.#timeoutMs;
    let cursor: string | undefined, listBytes = 0;
    do {
      const limitMs = deadline - performance.now();
      const { page, bytes } = await this.#page({ ...filter, ...(cursor && { cursor }) }, { ...options, limitMs });
      leases.push(...page.leases);
      listBytes += bytes;
      cursor = page.next;
      if (cursor === undefined) return leases;
      if (cursors.has(cursor)) throw this.#calls.unusable(`the list of leases comes back to the cursor "${cursor}"`);
      cursors.add(cursor);
    } while (cursors.size < MOST_PAGES && listBytes <= MOST_LIST_BYTES);
    throw this.#calls.unusable(`the list of leases has no end: ${cursors.size} pages, ${listBytes} bytes`);
  }

  async #page(
    filter: LeaseFilter,
    options: CallOptions & { readonly limitMs?: number },
  ): Promise<{ readonly page: LeasePage; readonly bytes: number }> {
    const path = `/leases${queryOf(filter)}`;
    const call = { method: "GET", path, shape: LEASE_PAGE, mostBytes: MOST_PAGE_BYTES, ...options } as const;
    const { value, bytes } = await this.#calls.read(call);
    return { page: value, bytes };
  }

  /** One lease. @throws {PortdError} `lease_not_found`, or `lease_ended` with the lease as `data.lease`. */
  async get(ref: LeaseRef, options: CallOptions = {}): Promise<Lease> {
    return await this.#calls.json({ method: "GET", path: pathOf(ref), shape: LEASE, ...options });
  }

  /** Extends a live lease; `ttlMs` changes how long one of kind `ttl` lives from now on. */
  async renew(ref: LeaseRef, { ttlMs, ...options }: CallOptions & { readonly ttlMs?: number } = {}): Promise<Lease> {
    const body = ttlMs === undefined ? {} : { ttlMs };
    return await this.#calls.json({ method: "POST", path: pathOf(ref, "/renew"), body, shape: LEASE, ...options });
  }

  /** Changes a live lease. */
  async amend(ref: LeaseRef, changes: AmendRequest, options: CallOptions = {}): Promise<Lease> {
    return await this.#calls.json({ method: "PATCH", path: pathOf(ref), body: changes, shape: LEASE, ...options });
  }

  /** Ends a lease. For a lease that has ended already it does nothing. */
  async release(ref: LeaseRef, options: CallOptions = {}): Promise<void> {
    const answer = await this.#calls.send({ method: "DELETE", path: pathOf(ref), ...options });
    await answer.cancel();
    if (answer.status !== 204) throw this.#calls.notPortd(`the answer to a release is HTTP ${answer.status}`);
  }

  /** Ends every live lease with a label, `key=value`. @returns the ids of these leases. */
  async releaseByLabel(label: string, options: CallOptions = {}): Promise<readonly string[]> {
    const path = `/leases?label=${encodeURIComponent(label)}`;
    const shape = answer("RELEASED");
    return (await this.#calls.json({ method: "DELETE", path, shape, mostBytes: MOST_BODY_BYTES, ...options })).released;
  }

  /**
   * What happens to leases from now on, after `lastEventId`, or with `replay` after all that is kept. A broken stream, or
   * one on which nothing comes for 45 seconds, is opened again and continues after the last event that came; when some
   * are lost, a `reset` comes first. Ends when the signal is aborted; without `follow` when all that had happened is
   * there.
   *
   * @throws {NoDaemonError} when nobody answers the first time, or `retries` times in a row after that.
   */
  async *events(options: EventsOptions = {}): AsyncGenerator<AnyEvent, void, void> {
    const { followEvents } = await import("./events.ts");
    const open: EventSource["open"] = (filter, signal) => this.#calls.openEvents(filter, signal);
    yield* followEvents({ url: this.url, open }, options);
  }

  /** Sockets with their processes and leases: those that listen, or with `connections` those in any state. */
  async listeners(filter: SocketQuery = {}, options: CallOptions = {}): Promise<readonly ListedSocket[]> {
    const bounds = { mostBytes: MOST_BODY_BYTES, ...options };
    return (await this.#calls.get(`/listeners${queryOf(filter)}`, answer("SOCKETS"), bounds)).listeners;
  }

  /** Describes one port, also 0. @throws {PortdError} `port_out_of_range`. */
  async describePort(port: number, options: CallOptions = {}): Promise<PortDescription> {
    const shape = async () => (await answerShapes()).descriptionOf(port);
    return await this.#calls.get(`/ports/${port}`, shape, { mostBytes: MOST_BODY_BYTES, ...options });
  }

  /** The state of every port, in run lengths. */
  async portMap(options: CallOptions = {}): Promise<PortMap> {
    return await this.#calls.get("/ports/map", page("PORT_MAP"), options);
  }

  /** Makes a lease reachable from outside; by default inbound, for domain and private networks, from LocalSubnet. */
  async expose(ref: LeaseRef, request: ExposureRequest = {}, options: CallOptions = {}): Promise<Lease> {
    const call = {
      method: "PUT",
      path: pathOf(ref, "/exposure"),
      body: request,
      shape: answer("EXPOSED_LEASE"),
    } as const;
    return await this.#calls.json({ ...call, ...options });
  }

  /** Makes a lease unreachable from outside again. */
  async conceal(ref: LeaseRef, options: CallOptions = {}): Promise<Lease> {
    return await this.#calls.json({ method: "DELETE", path: pathOf(ref, "/exposure"), shape: LEASE, ...options });
  }

  /** How many leases were granted and ended, and how many requests were refused, in each minute of the last hour. */
  async activity(options: CallOptions = {}): Promise<Activity> {
    return await this.#calls.get("/activity", page("ACTIVITY"), options);
  }

  /** Version, uptime and counts of the daemon. */
  async status(options: CallOptions = {}): Promise<DaemonStatus> {
    return await this.#calls.get("/status", answer("STATUS"), options);
  }

  /** The live leases and the ports of names, as a document for people and for {@linkcode import}. Needs the token. */
  async export(options: CallOptions = {}): Promise<LeaseDocument> {
    return await this.#calls.get("/export", answer("LEASE_DOCUMENT"), { mostBytes: MOST_BODY_BYTES, ...options });
  }

  /** Adds leases of an export, at most 64 KiB in one call; `skipped` has those that are not possible. Needs the token. */
  async import(document: LeaseDocument, options: CallOptions = {}): Promise<ImportOutcome> {
    const shape = answer("IMPORT_OUTCOME");
    const mostBytes = MOST_BODY_BYTES;
    return await this.#calls.json({ method: "POST", path: "/import", body: document, shape, mostBytes, ...options });
  }

  /**
   * A code that opens one session of the dashboard within a minute, for a browser of this user, or with `anyUser` of any.
   * Needs the token.
   */
  async dashboardCode(
    { anyUser = false, ...options }: CallOptions & { anyUser?: boolean } = {},
  ): Promise<DashboardCode> {
    const body = { anyUser }, shape = page("DASHBOARD_CODE");
    return await this.#calls.json({ method: "POST", path: "/dashboard/codes", body, shape, ...options });
  }

  /** Stops the daemon, right after its answer. Needs the token. */
  async stop(options: CallOptions = {}): Promise<void> {
    await this.#calls.json({ method: "POST", path: "/stop", body: {}, shape: answer("STOPPING"), ...options });
  }
}

const LEASE = async () => (await leaseShapes()).LEASE;
const LEASE_PAGE = async () => (await leaseShapes()).LEASE_PAGE;
/** The other shapes: many scripts never need them. */
const answerShapes = () => import("./answer_shapes.ts");
const answer = <Name extends keyof Awaited<ReturnType<typeof answerShapes>>>(name: Name) => async () =>
  (await answerShapes())[name];
const pageShapes = () => import("./page_shapes.ts");
const page = <Name extends keyof Awaited<ReturnType<typeof pageShapes>>>(name: Name) => async () =>
  (await pageShapes())[name];
