/** A port for as long as a script needs it. */
import { DEFAULT_URL, DEFAULT_WSL_URL, type Lease, PortdClient, PortdError } from "../client/client.ts";
import type { ClientOptions } from "../client/client.ts";
import type { Timer } from "../clock.ts";
import type { LeaseRequest } from "../client/wire.ts";
import { grantFor, holderOf } from "../project/grant.ts";
import { findProject } from "../project/project.ts";
import { readScope, SCOPE_VARIABLE, scopeLabels } from "../project/scope.ts";
import { BACKGROUND_TIMER, nodeFiles, ownPid, variable, workingFolder } from "./runtime.ts";

/** What is asked of the port, as in the API (docs/api.md), and how the daemon is reached. All of it may be absent. */
export interface LeaseOptions
  extends Omit<LeaseRequest, "name" | "count" | "block" | "services">, Pick<ClientOptions, "url" | "token" | "fetch"> {
  /**
   * The project of the name; null for none.
   *
   * @default that of the folder in which the process runs, as `portd lease` has it
   */
  readonly project?: string | null | undefined;
  /**
   * Aborted before the port is there, it rejects with the signal's reason and leaves no lease; aborted later, it releases
   * the lease.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How soon a renewal that failed is tried again at the earliest, in milliseconds. */
const SHORTEST_RETRY_MS = 250;

/**
 * Leases a port for this process: until {@linkcode HeldLease.release}, until the `await using` scope ends, or until the
 * process has ended, however it ends. With `ttlMs` it is renewed at half of that time for as long as the process lives.
 *
 * @param name is that of a service: the same name in the same project gets the same port again. Null for any port.
 * @throws {PortdError} when the daemon refuses, `NoDaemonError` when none runs (`portd serve --detach` starts one).
 *
 * @example
 * ```ts
 * import { lease } from "./portd.ts";
 *
 * await using web = await lease("web");
 * console.log(`http://localhost:${web.port}`);
 * ```
 */
export async function lease(name: string | null = null, options: LeaseOptions = {}): Promise<HeldLease> {
  const { url = defaultUrl(), token, fetch, signal, project, ...request } = options;
  signal?.throwIfAborted();
  const client = new PortdClient({ url, ...(token !== undefined && { token }), ...(fetch !== undefined && { fetch }) });
  const granted = grant(client, { name, project, ...request }).then((lease) => new HeldLease(client, lease));
  if (signal === undefined) return await granted;
  const abort = Promise.withResolvers<never>();
  const onAbort = () => abort.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const held = await Promise.race([granted, abort.promise]);
    held.releaseOn(signal);
    return held;
  } catch (error) {
    // An aborted request may have been granted all the same: the lease is then given back.
    if (signal.aborted) granted.then((held) => held.release()).catch(() => undefined); // the process's end ends it too
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function grant(client: PortdClient, { project: given, ...rest }: LeaseOptions & LeaseRequest): Promise<Lease> {
  const { ttlMs, lifetime } = rest;
  const isOwn = ttlMs === undefined && lifetime === undefined;
  const scope = readScope(variable(SCOPE_VARIABLE));
  const request: LeaseRequest = {
    ...(isOwn && { lifetime: { kind: "process" }, pid: ownPid() }),
    ...rest,
    ...(scope && { labels: { ...scopeLabels(scope), ...rest.labels } }),
  };
  if (given !== undefined) return await client.grant({ ...request, project: given });
  const project = findProject(workingFolder(), nodeFiles());
  const named = rest.name === null ? {} : { project: project.name };
  const holder = { ...holderOf(project), cwd: project.root };
  const [lease] = await grantFor(client, { holder, ...named, ...request }, project);
  return lease!;
}

function defaultUrl(): string {
  return variable("PORTD_URL") ?? (variable("WSL_DISTRO_NAME") === undefined ? DEFAULT_URL : DEFAULT_WSL_URL);
}

/** A lease of this process; {@linkcode lease} makes it. */
export class HeldLease implements AsyncDisposable {
  /** The daemon that has granted it. */
  readonly client: PortdClient;
  readonly #timer: Timer;
  readonly #ended = new AbortController();
  #lease: Lease;
  #released: Promise<void> | undefined;
  #stopRenewal = () => {};
  #stopListening = () => {};

  /** @param timer is that of the renewals. */
  constructor(client: PortdClient, lease: Lease, timer: Timer = BACKGROUND_TIMER) {
    this.client = client;
    this.#timer = timer;
    this.#lease = lease;
    const { lifetime } = lease;
    if (lifetime.kind === "ttl") this.#renewAfter(lifetime.ttlMs / 2, timer.monotonic() + lifetime.ttlMs);
  }

  get port(): number {
    return this.#lease.port;
  }

  /** The full name, `project/name`; null where it has none. */
  get name(): string | null {
    return this.#lease.name;
  }

  /** The lease as the daemon has told it last. */
  get lease(): Lease {
    return this.#lease;
  }

  /**
   * Aborted when the lease has ended, with the reason where that is not {@linkcode release}. Only a lease with a time
   * (`ttlMs`) is asked for; of others it is only aborted by `release`.
   */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Ends the lease. Called again, it does nothing more. @throws as the calls of `PortdClient` do; it may be called again. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  /** Releases at the end of an `await using` scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Releases when the signal is aborted. The end of the process ends the lease where that fails. */
  releaseOn(signal: AbortSignal): void {
    const release = () => void this.release().catch(() => undefined);
    signal.addEventListener("abort", release, { once: true });
    this.#stopListening = () => signal.removeEventListener("abort", release);
    if (signal.aborted) release();
  }

  async #release(): Promise<void> {
    this.#stopRenewal();
    try {
      await this.client.release(this.#lease.id);
    } catch (error) {
      this.#released = undefined;
      throw error;
    }
    this.#end(new DOMException("The lease was released", "AbortError"));
  }

  #end(reason: unknown): void {
    this.#stopRenewal();
    this.#stopListening();
    this.#ended.abort(reason);
  }

  /** @param deadline is when the lease ends unless it is renewed, on the monotonic clock. */
  #renewAfter(pauseMs: number, deadline: number): void {
    this.#stopRenewal = this.#timer.after(pauseMs, () => void this.#renew(deadline));
  }

  async #renew(deadline: number): Promise<void> {
    const asked = this.#timer.monotonic();
    try {
      const lease = await this.client.renew(this.#lease.id);
      if (this.#released !== undefined) return;
      this.#lease = lease;
      if (lease.lifetime.kind === "ttl") this.#renewAfter(lease.lifetime.ttlMs / 2, asked + lease.lifetime.ttlMs);
    } catch (error) {
      if (this.#released !== undefined) return;
      const left = deadline - this.#timer.monotonic();
      const isOver = error instanceof PortdError && (error.code === "lease_ended" || error.code === "lease_not_found");
      if (isOver || left <= 0) this.#end(error);
      else this.#renewAfter(Math.max(SHORTEST_RETRY_MS, left / 4), deadline); // the daemon may be starting again
    }
  }
}
