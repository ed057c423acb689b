/**
 * The typed client of portd's HTTP API: one method a call. The CLI is built on it, and so can be anything else; it
 * loads nothing but src/errors.ts, and src/proof.ts before it sends a token. docs/api.md is the contract that it speaks.
 */
import { type ApiAnswer, fetchTransport, NoDaemonError, type Transport } from "./client/transport.ts";
import type { EventsOptions, FirewallEvent, LeaseEvent, ListenerEvent, ResetEvent } from "./client/events.ts";
import { type ErrorCode, type ErrorData, PortdError, STATUS_OF_CODE } from "./errors.ts";
import type { ExposureRequest, FirewallStatus } from "./firewall/wire.ts";
import type { ListedSocket, SocketQuery } from "./listener/listing.ts";
import type { Lease, Protocol } from "./lease/lease.ts";
import type { PortDescription } from "./port/description.ts";
import type {
  AmendRequest,
  DaemonStatus,
  ImportOutcome,
  LeaseDocument,
  LeaseFilter,
  LeasePage,
  LeaseRequest,
} from "./lease/request.ts";

export { NoDaemonError, UnprovenPeerError } from "./client/transport.ts";
export { PortdError } from "./errors.ts";
export type { EventsOptions, FirewallEvent, LeaseEvent, ListenerEvent, ResetEvent } from "./client/events.ts";
export type { ApiAnswer, ApiRequest, Transport } from "./client/transport.ts";
export type { Lease, LeaseState, Lifetime, PortRange, Protocol } from "./lease/lease.ts";
export type { ListedSocket, SocketQuery } from "./listener/listing.ts";
export type { PortClass, PortDescription, PortRule, PortSocket, Verdict } from "./port/description.ts";
export type { LeaseEventType, ListenerEventType } from "./lease/events.ts";
export type {
  AmendRequest,
  DaemonStatus,
  ImportOutcome,
  LeaseDocument,
  LeaseFilter,
  LeasePage,
  LeaseRequest,
  LifetimeRequest,
  PortRequest,
  ServiceRequest,
} from "./lease/request.ts";

/** Where a daemon is when nothing else is said. */
export const DEFAULT_URL = "http://127.0.0.1:7678";

/** Options of {@linkcode PortdClient}. */
export interface ClientOptions {
  /** Address of the daemon, with or without `/v1`. @default "http://127.0.0.1:7678" */
  readonly url?: string;
  /**
   * The admin token; `export`, `import` and `stop` need it. Sent with every request, to a daemon that has proven to
   * know it: {@linkcode UnprovenPeerError} else.
   */
  readonly token?: string;
  /** Used in the place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Used in the place of `fetch` altogether. */
  readonly transport?: Transport;
  /** How long one answer may take, in milliseconds; events are not bounded. @default 30000 */
  readonly timeoutMs?: number;
}

/** A lease by its id, by its full name (`project/name`, or `name`), or by its port (of any protocol unless told). */
export type LeaseRef =
  | string
  | { readonly name: string }
  | { readonly port: number; readonly protocol?: Protocol };

/** Options of one call. */
export interface CallOptions {
  /** Ends the call; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of a grant. */
export interface GrantOptions extends CallOptions {
  /** Makes a repeated request harmless: for 24 hours it gets the same answer. 1–255 visible ASCII characters. */
  readonly idempotencyKey?: string;
}

interface Call extends CallOptions {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/v1`. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Added to the client's own limit, in milliseconds. */
  readonly extraMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** A longer timer of JavaScript would go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Talks to one daemon. Keeps no connection and no state; as many calls as you like may run at once.
 *
 * Every method throws {@linkcode PortdError} when the daemon refuses, {@linkcode NoDaemonError} when nobody answers,
 * and a `TimeoutError` (`DOMException`) when the answer does not come in time.
 *
 * @example
 * ```ts
 * import { PortdClient } from "@portd/portd/client";
 *
 * const portd = new PortdClient();
 * const lease = await portd.grant({ name: "web", project: "shop", ttlMs: 60_000 });
 * console.log(lease.port);
 * await portd.release(lease.id);
 * ```
 */
export class PortdClient {
  /** Base address, without `/v1`. */
  readonly url: string;
  readonly #token: string | undefined;
  readonly #transport: Transport;
  readonly #timeoutMs: number;

  constructor(options: ClientOptions = {}) {
    const { url = DEFAULT_URL, token, transport, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.url = url.replace(/\/+$/, "").replace(/\/v1$/, "");
    this.#token = token;
    this.#transport = transport ?? fetchTransport(options.fetch);
    this.#timeoutMs = timeoutMs;
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
    const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    const extraMs = request.waitMs ?? 0;
    const answer = await this.#json<Lease | { leases: Lease[] }>({
      method: "POST",
      path: "/leases",
      body: request,
      headers,
      extraMs,
      ...rest,
    });
    const leases = "leases" in answer ? answer.leases : [answer];
    if (Array.isArray(leases) && leases.every(({ port }) => Number.isInteger(port))) return leases;
    throw this.#stranger("the answer holds no port");
  }

  /** One page of leases. */
  async list(filter: LeaseFilter = {}, options: CallOptions = {}): Promise<LeasePage> {
    return await this.#json({ method: "GET", path: `/leases${queryOf(filter)}`, ...options });
  }

  /** All leases that pass the filter, over as many pages as it takes. */
  async listAll(filter: LeaseFilter = {}, options: CallOptions = {}): Promise<Lease[]> {
    const leases: Lease[] = [];
    let cursor: string | undefined;
    do {
      const page: LeasePage = await this.list({ ...filter, ...(cursor === undefined ? {} : { cursor }) }, options);
      leases.push(...page.leases);
      cursor = page.next;
    } while (cursor !== undefined);
    return leases;
  }

  /** One lease. @throws {PortdError} `lease_not_found`, or `lease_ended` with the lease as `data.lease`. */
  async get(ref: LeaseRef, options: CallOptions = {}): Promise<Lease> {
    return await this.#json({ method: "GET", path: pathOf(ref), ...options });
  }

  /** Extends a live lease; `ttlMs` changes how long one of kind `ttl` lives from now on. */
  async renew(ref: LeaseRef, { ttlMs, ...options }: CallOptions & { readonly ttlMs?: number } = {}): Promise<Lease> {
    const body = ttlMs === undefined ? {} : { ttlMs };
    return await this.#json({ method: "POST", path: pathOf(ref, "/renew"), body, ...options });
  }

  /** Changes a live lease. */
  async amend(ref: LeaseRef, changes: AmendRequest, options: CallOptions = {}): Promise<Lease> {
    return await this.#json({ method: "PATCH", path: pathOf(ref), body: changes, ...options });
  }

  /** Ends a lease. Idempotent for a lease that has ended already. */
  async release(ref: LeaseRef, options: CallOptions = {}): Promise<void> {
    await (await this.#send({ method: "DELETE", path: pathOf(ref), ...options })).text();
  }

  /** Ends every live lease that bears a label, `key:value`. @returns the ids of the leases that were ended. */
  async releaseByLabel(label: string, options: CallOptions = {}): Promise<readonly string[]> {
    const path = `/leases?label=${encodeURIComponent(label)}`;
    return (await this.#json<{ released: string[] }>({ method: "DELETE", path, ...options })).released;
  }

  /**
   * What happens to leases from now on, or from `lastEventId` on. A broken stream is opened anew and goes on behind the
   * last event that came; where some were lost, a `reset` comes first. Ends when the signal is aborted.
   *
   * @throws {NoDaemonError} when nobody answers the first time, or `retries` times in a row after that.
   */
  async *events(
    options: EventsOptions = {},
  ): AsyncGenerator<LeaseEvent | ListenerEvent | FirewallEvent | ResetEvent, void, void> {
    const { followEvents } = await import("./client/events.ts"); // most clients never ask for them
    yield* followEvents((lastEventId, signal) => this.#openEvents(lastEventId, signal), options);
  }

  /** Sockets with their processes and leases: those that listen, or with `connections` those in any state. */
  async listeners(filter: SocketQuery = {}, options: CallOptions = {}): Promise<readonly ListedSocket[]> {
    const path = `/listeners${queryOf(filter)}`;
    return (await this.#json<{ listeners: ListedSocket[] }>({ method: "GET", path, ...options })).listeners;
  }

  /** All about one port, 0 included. @throws {PortdError} `port_out_of_range`. */
  async describePort(port: number, options: CallOptions = {}): Promise<PortDescription> {
    return await this.#json({ method: "GET", path: `/ports/${port}`, ...options });
  }

  /** Wishes that a lease be reachable from outside; what is absent is inbound, domain and private, LocalSubnet. */
  async expose(ref: LeaseRef, request: ExposureRequest = {}, options: CallOptions = {}): Promise<Lease> {
    return await this.#json({ method: "PUT", path: pathOf(ref, "/exposure"), body: request, ...options });
  }

  /** Takes that wish back. */
  async conceal(ref: LeaseRef, options: CallOptions = {}): Promise<Lease> {
    return await this.#json({ method: "DELETE", path: pathOf(ref, "/exposure"), ...options });
  }

  /** The host's firewall: wanted rules, actual ones and the difference. Needs the token. */
  async firewall(options: CallOptions = {}): Promise<FirewallStatus> {
    return await this.#json({ method: "GET", path: "/firewall", ...options });
  }

  /** Makes the firewall's rules those that are wanted; with `dryRun` only tells what that would take. */
  async syncFirewall(
    { dryRun = false, ...options }: CallOptions & { readonly dryRun?: boolean } = {},
  ): Promise<FirewallStatus> {
    return await this.#json({ method: "POST", path: "/firewall/sync", body: { dryRun }, ...options });
  }

  /** Version, uptime and counts of the daemon. */
  async status(options: CallOptions = {}): Promise<DaemonStatus> {
    return await this.#json({ method: "GET", path: "/status", ...options });
  }

  /** Everything that the daemon keeps, as a document for people and for {@linkcode import}. Needs the token. */
  async export(options: CallOptions = {}): Promise<LeaseDocument> {
    return await this.#json({ method: "GET", path: "/export", ...options });
  }

  /** Takes leases in; at most 64 KiB a call. What cannot be taken is named in `skipped`. Needs the token. */
  async import(document: LeaseDocument, options: CallOptions = {}): Promise<ImportOutcome> {
    return await this.#json({ method: "POST", path: "/import", body: document, ...options });
  }

  /** Asks the daemon to end; it does so after the answer. Needs the token. */
  async stop(options: CallOptions = {}): Promise<void> {
    await (await this.#send({ method: "POST", path: "/stop", body: {}, ...options })).text();
  }

  async #openEvents(lastEventId: string | undefined, signal: AbortSignal): Promise<ApiAnswer> {
    const headers = {
      ...this.#headers(),
      accept: "text/event-stream",
      ...(lastEventId && { "last-event-id": lastEventId }),
    };
    const answer = await this.#transport({ method: "GET", url: `${this.url}/v1/events`, headers, signal });
    if (answer.status !== 200) throw await this.#refusal(answer);
    if (answer.mediaType !== "text/event-stream") {
      throw this.#stranger(`the answer is ${answer.mediaType || "untyped"}`);
    }
    return answer;
  }

  async #json<T>(call: Call): Promise<T> {
    const answer = await this.#send(call);
    const value = await readObject(answer, "application/json");
    if (value !== undefined) return value as T;
    throw this.#stranger(`the answer is ${answer.mediaType || "untyped"} and no JSON`);
  }

  async #send({ method, path, body, headers = {}, signal, extraMs = 0 }: Call): Promise<ApiAnswer> {
    const type = method === "GET" ? {} : { "content-type": "application/json" };
    const answer = await this.#transport({
      method,
      url: `${this.url}/v1${path}`,
      headers: { ...this.#headers(), ...type, ...headers },
      signal,
      timeoutMs: Math.min(this.#timeoutMs + extraMs, LONGEST_TIMER_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw await this.#refusal(answer);
  }

  #headers(): Record<string, string> {
    const accept = { accept: "application/json" };
    return this.#token === undefined ? accept : { ...accept, authorization: `Bearer ${this.#token}` };
  }

  async #refusal(answer: ApiAnswer): Promise<Error> {
    const problem = await readObject(answer, "application/problem+json");
    if (problem === undefined) return this.#stranger(`the answer is HTTP ${answer.status}`);
    const { type: _type, title, status: _status, detail, instance: _instance, code, ...data } = problem as Problem;
    const known = typeof code === "string" && Object.hasOwn(STATUS_OF_CODE, code);
    const message = String(detail ?? title ?? `HTTP ${answer.status}`);
    // A code that this version does not know yet: the daemon is newer.
    return new PortdError(
      known ? code as ErrorCode : "internal",
      message,
      known ? data : { ...data, unknownCode: code },
    );
  }

  #stranger(reason: string): NoDaemonError {
    return new NoDaemonError(`Cannot talk to portd at ${this.url}: something else answers there (${reason})`);
  }
}

type Problem = ErrorData & { readonly [member: string]: unknown };

/** A filter as the query of an address, with its question mark; what is undefined is left out. */
function queryOf(filter: object): string {
  const fields = Object.entries(filter).filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${field}=${encodeURIComponent(String(value))}`);
  return fields.length === 0 ? "" : `?${fields.join("&")}`;
}

/** The path of a lease below `/v1`, with the action (`/renew`) where it belongs. */
function pathOf(ref: LeaseRef, action = ""): string {
  if (typeof ref === "string") return `/leases/${encodeURIComponent(ref)}${action}`;
  if ("port" in ref) {
    const query = ref.protocol === undefined ? "" : `?protocol=${ref.protocol}`;
    return `/leases/by-port/${ref.port}${action}${query}`;
  }
  const slash = ref.name.lastIndexOf("/");
  const parts = slash === -1 ? [ref.name] : [ref.name.slice(0, slash), ref.name.slice(slash + 1)];
  return `/leases/by-name/${parts.map(encodeURIComponent).join("/")}${action}`;
}

/** The body as a JSON object; `undefined` when it is of another type, or no such object. */
async function readObject(answer: ApiAnswer, mediaType: string): Promise<object | undefined> {
  if (answer.mediaType !== mediaType) {
    await answer.cancel();
    return undefined;
  }
  const text = await answer.text();
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
