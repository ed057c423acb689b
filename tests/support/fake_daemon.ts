/**
 * A daemon for tests of its clients: speaks docs/api.md over real HTTP, keeps leases in memory, knows no sockets but
 * its own. What it was asked stands in `requests`.
 */
import type { LeaseRequest } from "../../src/client/wire.ts";
import type { Holder, Lease, LeaseState } from "../../src/lease/lease.ts";
import { NO_EVIDENCE } from "../../src/process/process.ts";
import { proofOf } from "../../src/proof.ts";
import { freePort } from "./sockets.ts";

/** A request as it came. */
export interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body: unknown;
  readonly headers: Headers;
}

/** A refusal that the next request gets. */
export interface FakeProblem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly [member: string]: unknown;
}

/** The token that `export`, `import` and `stop` take. */
export const FAKE_TOKEN = "f".repeat(64);

/** A daemon that can be asked; disposing of it ends it. */
export class FakeDaemon implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly leases = new Map<string, Lease>();
  /** What `GET /ports/{n}` answers, made anew at each request. */
  readonly ports = new Map<number, () => unknown>();
  /** The token that it proves to know; null has it answer as one that has none. */
  provenToken: string | null = FAKE_TOKEN;
  /** How often it was asked for a proof; that stands in no `requests`. */
  proofsAsked = 0;
  /** Answered in the place of the next request that grants. */
  nextProblem: FakeProblem | undefined;
  /** Ports for the next leases; after them, free ones. */
  nextPorts: number[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #waiting: (readonly [path: string, tell: () => void])[] = [];
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  #count = 0;

  constructor({ port = 0 }: { readonly port?: number } = {}) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, (request) => this.#handle(request));
  }

  /** Base address, without `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Requests for one method and path, in order. */
  asked(method: string, path: string): SeenRequest[] {
    return this.requests.filter((request) => request.method === method && request.path.startsWith(path));
  }

  /** Resolves at the next request for exactly this path. */
  whenAsked(path: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push([path, resolve]));
  }

  /** Puts a lease in another state, and tells of it. */
  move(id: string, state: LeaseState): void {
    this.#put({ ...this.leases.get(id)!, state, endedAt: isEnded(state) ? instant() : null }, `lease.${state}`);
  }

  /** Makes a live lease without being asked over HTTP. */
  grant(request: LeaseRequest): Lease {
    const { name, project, protocols = ["tcp"], holder, pid = null } = request;
    const lease: Lease = {
      id: `01K${String(++this.#count).padStart(23, "0")}`,
      name: name === undefined ? null : project === undefined ? name : `${project}/${name}`,
      project: project ?? null,
      port: this.nextPorts.shift() ?? (request.port || request.prefer?.[0] || freePort()),
      protocols,
      state: "granted",
      holder: { ...NO_EVIDENCE, id: "anonymous", ...holder as Partial<Holder>, pid },
      lifetime: { kind: "listener", claimMs: 600_000, graceMs: 300_000, ...request.lifetime } as Lease["lifetime"],
      hold: request.hold ?? "soft",
      labels: request.labels ?? {},
      exposure: null,
      listener: null,
      grantedAt: instant(),
      renewedAt: instant(),
      expiresAt: request.ttlMs === undefined ? null : new Date(Date.now() + request.ttlMs).toISOString(),
      endedAt: null,
    };
    this.#put(lease, "lease.granted");
    return lease;
  }

  /** Breaks every stream of events, as a daemon does that is restarted. */
  breakStreams(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.breakStreams();
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname, search, searchParams } = new URL(request.url);
    if (pathname === "/v1/proof") return await this.#prove(request.headers, searchParams.get("nonce")!);
    const text = await request.text();
    const seen = {
      method: request.method,
      path: pathname + search,
      body: text === "" ? undefined : JSON.parse(text),
      headers: request.headers,
    };
    this.requests.push(seen);
    const response = this.#route(seen, pathname.replace(/^\/v1/, ""), new URLSearchParams(search));
    for (const [path, tell] of this.#waiting) if (path === seen.path) tell();
    return response;
  }

  async #prove(headers: Headers, nonce: string): Promise<Response> {
    this.proofsAsked++;
    const token = this.provenToken;
    if (token === null) return Response.json({ proof: nonce });
    return Response.json({ proof: await proofOf({ token, address: headers.get("host")!, nonce }) });
  }

  #route(seen: SeenRequest, path: string, query: URLSearchParams): Response {
    const { method } = seen;
    if (path === "/readyz" || path === "/healthz") return new Response("ok");
    if (path === "/leases" && method === "POST") return this.#grantAll(seen.body as LeaseRequest);
    if (path === "/leases" && method === "GET") return Response.json({ leases: this.#list(query) });
    if (path === "/leases" && method === "DELETE") return this.#releaseByLabel(query.get("label") ?? "");
    if (path === "/events") return this.#stream();
    if (path === "/listeners") return Response.json({ listeners: [] });
    const [, port] = /^\/ports\/(\d+)$/.exec(path) ?? [];
    if (port !== undefined) return Response.json(this.ports.get(Number(port))?.());
    if (path === "/status") return Response.json(this.#status());
    const isAdmin = ["/export", "/import", "/stop"].includes(path);
    if (isAdmin && seen.headers.get("authorization") !== `Bearer ${FAKE_TOKEN}`) {
      return problem({ status: 401, code: "unauthorized", detail: "Cannot do this without the admin token" });
    }
    if (path === "/export") return Response.json({ version: 1, leases: this.#live(), names: {} });
    if (path === "/import") return Response.json(this.#import(seen.body as { leases: Lease[] }));
    if (path === "/stop") return this.#stop();
    return this.#oneLease(seen, path);
  }

  #grantAll(request: LeaseRequest): Response {
    if (this.nextProblem !== undefined) {
      const refused = this.nextProblem;
      this.nextProblem = undefined;
      return problem(refused);
    }
    const { services, count, block, ...common } = request;
    const wishes = services ?? Array.from({ length: count ?? block ?? 1 }, () => ({ name: request.name }));
    const leases: Lease[] = [];
    for (const wish of wishes) {
      const whole: LeaseRequest = { ...common, ...wish } as LeaseRequest;
      const full = whole.project === undefined ? whole.name : `${whole.project}/${whole.name}`;
      const live = whole.name === undefined ? undefined : this.#live().find(({ name }) => name === full);
      if (live !== undefined && live.holder.id !== request.holder?.id) {
        const detail = `Cannot grant the name "${full}": it is leased on port ${live.port}`;
        return problem({ status: 409, code: "name_taken", detail, holderId: live.holder.id });
      }
      leases.push(live ?? this.grant(whole));
    }
    const isSeveral = services !== undefined || count !== undefined || block !== undefined;
    return Response.json(isSeveral ? { leases } : leases[0], { status: 201 });
  }

  #list(query: URLSearchParams): Lease[] {
    const [name, port, state] = ["name", "port", "state"].map((field) => query.get(field));
    const all = query.get("ended") === "true"
      ? [...this.leases.values()].filter(({ endedAt }) => endedAt)
      : this.#live();
    return all.filter((lease) =>
      (name === null || lease.name === name || lease.name?.endsWith(`/${name}`)) &&
      (port === null || lease.port === Number(port)) && (state === null || lease.state === state)
    );
  }

  #oneLease({ method, body }: SeenRequest, path: string): Response {
    const [, ref = "", action] = /^\/leases\/(.*?)(\/renew)?$/.exec(path) ?? [];
    const key = decodeURIComponent(ref.replace(/^by-(?:name|port)\//, ""));
    const lease = this.leases.get(key) ?? this.#live().find(({ name, port }) => name === key || String(port) === key);
    if (lease === undefined) {
      return problem({ status: 404, code: "lease_not_found", detail: `Cannot find lease "${key}"` });
    }
    if (method === "DELETE") {
      if (lease.endedAt === null) this.move(lease.id, "released");
      return new Response(null, { status: 204 });
    }
    if (lease.endedAt !== null) return problem({ status: 410, code: "lease_ended", detail: "Cannot use it", lease });
    if (method === "GET") return Response.json(lease);
    const { ttlMs } = body as { ttlMs?: number };
    const changed = action === "/renew" ? {} : body as object;
    const expiresAt = ttlMs === undefined ? lease.expiresAt : new Date(Date.now() + ttlMs).toISOString();
    this.#put({ ...lease, ...changed, expiresAt }, action === "/renew" ? "lease.renewed" : "lease.changed");
    return Response.json(this.leases.get(lease.id));
  }

  #releaseByLabel(label: string): Response {
    const [key = "", value] = label.split(":");
    const released = this.#live().filter(({ labels }) => labels[key] === value).map(({ id }) => id);
    for (const id of released) this.move(id, "released");
    return Response.json({ released });
  }

  /** Takes every lease whose id it does not know yet. */
  #import({ leases }: { readonly leases: readonly Lease[] }): object {
    const imported: string[] = [], skipped: object[] = [];
    for (const lease of leases) {
      if (this.leases.has(lease.id)) {
        skipped.push({ id: lease.id, code: "name_taken", detail: "it stands here already" });
      } else imported.push(lease.id);
      if (!this.leases.has(lease.id)) this.leases.set(lease.id, lease);
    }
    return { imported, skipped };
  }

  #stop(): Response {
    queueMicrotask(() => void this[Symbol.asyncDispose]());
    return Response.json({ status: "stopping" }, { status: 202 });
  }

  #status(): object {
    return {
      name: "portd",
      version: "0.0.0",
      pid: Deno.pid,
      startedAt: instant(),
      uptimeMs: 61_000,
      stateDir: "/state",
      user: "me",
      leases: { live: this.#live().length },
      pool: { size: 10, free: 9, quarantined: 1 },
      holds: { kept: 1, limit: 100, missing: 0 },
      ephemeral: { first: 32768, last: 60999 },
      warnings: [],
    };
  }

  #stream(): Response {
    const streams = this.#streams;
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        own = controller;
        streams.add(controller);
        controller.enqueue(new TextEncoder().encode("retry: 1000\n\n"));
      },
      cancel: () => void streams.delete(own),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  #put(lease: Lease, type: string): void {
    this.leases.set(lease.id, lease);
    const data = JSON.stringify({ type, at: instant(), lease });
    const message = new TextEncoder().encode(`id: e-${++this.#count}\nevent: ${type}\ndata: ${data}\n\n`);
    for (const stream of this.#streams) stream.enqueue(message);
  }

  #live(): Lease[] {
    return [...this.leases.values()].filter(({ endedAt }) => endedAt === null);
  }
}

function problem({ status, code, detail, ...members }: FakeProblem): Response {
  const document = { type: `urn:portd:problem:${code}`, title: code, status, code, detail, ...members };
  return new Response(JSON.stringify(document), { status, headers: { "content-type": "application/problem+json" } });
}

function isEnded(state: LeaseState): boolean {
  return state === "released" || state === "revoked" || state === "expired";
}

function instant(): string {
  return new Date().toISOString();
}
