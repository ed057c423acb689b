/** The HTTP API over a test domain, asked without sockets. */
import { createApp } from "../../routes/app.ts";
import { TabSessions } from "../../src/caller/tab_sessions.ts";
import type { Services } from "../../src/daemon/daemon.ts";
import type { Domain } from "../../src/daemon/domain.ts";
import type { WriteDetails } from "../../src/log_line.ts";
import { newServerCounts } from "../../src/metrics/server_counts.ts";
import { VERSION } from "../../src/version.ts";
import { type CheckedFetch, checkedFetch } from "./openapi/checked_fetch.ts";
import { openTestDomain, type TestDomain, type TestOptions } from "./domain.ts";

const PORT = 7678;
export const HOST = `127.0.0.1:${PORT}`;
export const TOKEN = "0123456789abcdef".repeat(4);
export const TOKEN_FILE = "/nowhere/state/admin.token";

/** Options of {@linkcode TestApp.call}. */
export interface CallOptions {
  /** Port of 127.0.0.1 from which the request comes. @default from nowhere: its caller is unknown */
  readonly from?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is text or bytes. */
  readonly body?: unknown;
  readonly token?: string;
}

/** An answer read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** An API to be called. */
export interface TestApp extends AsyncDisposable {
  readonly test: TestDomain;
  readonly parts: Services;
  readonly faults: string[];
  readonly stopped: () => boolean;
  readonly fetch: CheckedFetch;
  call(path: string, options?: CallOptions): Promise<Answer>;
}

/** Options of {@linkcode openTestApp}. */
export interface TestAppOptions extends TestOptions {
  readonly anonymous?: "lease" | "none";
  /** Used instead of the domain's own. */
  readonly replaced?: Partial<Services>;
}

/** Options of {@linkcode appPartsOf}. */
export interface AppPartsOptions {
  readonly stopping: AbortController;
  readonly log: (line: string) => void;
  readonly details?: WriteDetails | undefined;
  /** @default 7678 */
  readonly port?: number;
  readonly anonymous?: "lease" | "none";
}

/** What the API needs beside its domain; its token is {@linkcode TOKEN}. */
export function appPartsOf(
  domain: Domain,
  { stopping, log, details, port = PORT, anonymous = "lease" }: AppPartsOptions,
): Services {
  const startedAt = new Date(domain.clock.now()).toISOString();
  const [ipv4, ipv6] = [`127.0.0.1:${port}`, `[::1]:${port}`];
  return {
    ...domain,
    guard: {
      hosts: new Set([ipv4, ipv6, `localhost:${port}`]),
      token: TOKEN,
      tokenFile: TOKEN_FILE,
      anonymous,
      sessions: new TabSessions(domain.clock),
    },
    port,
    provable: new Set([ipv4, ipv6]),
    counts: newServerCounts(),
    status: () => ({ ...domain.describe(), version: VERSION, pid: Deno.pid, startedAt }),
    isReady: () => !stopping.signal.aborted,
    stop: () => stopping.abort(),
    signal: stopping.signal,
    log,
    details,
  };
}

/** Opens an API with a domain of its own. */
export async function openTestApp({ anonymous, replaced, ...options }: TestAppOptions = {}): Promise<TestApp> {
  const test = await openTestDomain(options);
  const faults: string[] = [];
  const stopping = new AbortController();
  const log = (line: string) => void faults.push(line);
  const parts = { ...appPartsOf(test.domain, { stopping, log, ...(anonymous && { anonymous }) }), ...replaced };
  const fetch = checkedFetch(createApp(parts).fetch);
  return {
    test,
    parts,
    faults,
    stopped: () => stopping.signal.aborted,
    fetch,
    call: (path, request) => call(fetch, path, request),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await test[Symbol.asyncDispose]();
    },
  };
}

/** Declares a test of an API. */
export function appTest(name: string, run: (app: TestApp) => Promise<void>, options: TestAppOptions = {}): void {
  Deno.test(name, async () => {
    await using app = await openTestApp(options);
    await run(app);
  });
}

async function call(
  fetch: TestApp["fetch"],
  path: string,
  { from, method, headers = {}, body, token }: CallOptions = {},
): Promise<Answer> {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const content = body === undefined ? undefined : isRaw ? body as BodyInit : JSON.stringify(body);
  const all = {
    host: HOST,
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...headers,
  };
  const request = new Request(`http://${HOST}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")),
    ...(content === undefined ? {} : { body: content }),
  });
  const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: from };
  const response = await fetch(request, from === undefined ? {} : { remoteAddr }, isRaw ? undefined : body);
  if (response.headers.get("content-type") === "text/event-stream") {
    await response.body?.cancel();
    return { status: response.status, headers: response.headers, body: undefined };
  }
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const decoded = text === "" ? undefined : isJson ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, body: decoded };
}
