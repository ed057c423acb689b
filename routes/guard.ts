/**
 * The guard: what is refused before any handler runs, in this order. Host (a name that was rebound to this address),
 * Origin and Sec-Fetch-Site (a web page), OPTIONS (there is no CORS here), Content-Type (a form), token and scope,
 * size. Whatever is not plainly allowed is refused.
 */
import type { Context } from "hono";
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";

/** What a call asks of its caller; `none` is for probes of liveness. */
export type Scope = "none" | "lease" | "expose";

/** Who is let in. */
type GuardOptions = Services["guard"];

/** One call of the API, with what it asks of its caller. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/v1`; `/v1` itself is empty. */
  readonly path: string;
  readonly scope: Scope;
  /** What the call does, in a few words for the list of calls. */
  readonly does: string;
  readonly handle: (context: Context) => Response | Promise<Response>;
}

/** The largest body that is read, in bytes. */
export const BODY_LIMIT = 65_536;

/** Calls with a body. A `DELETE` has none, and a web page cannot send it without a preflight, which is refused. */
const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

/** The handler of a call, with the guard in front of it. */
export function guarded({ handle, scope }: Pick<Route, "handle" | "scope">, options: GuardOptions): Route["handle"] {
  return function guardedHandler(context) {
    const request = context.req.raw;
    checkCaller(request, options.hosts);
    if (scope !== "none") requireScope(request, scope, options);
    const length = request.headers.get("content-length");
    if (length !== null && !isWithinLimit(length)) throw tooLarge();
    return handle(context);
  };
}

/** From where a person came to a page: by themselves or from our own pages, or by a link of another site. */
export type From = "own" | "foreign";

/** What answers a page, knowing from where its reader came. */
export type PageHandler = (context: Context, from: From) => Response | Promise<Response>;

/**
 * The handler of a page for people, with the guard in front of it. A browser cannot send the token with a navigation,
 * so the page itself keeps back what its reader may not see. A link of another site may lead here, into a tab of its
 * own and not into a frame; the page shows no data then.
 */
export function guardedPage(handle: PageHandler, { hosts }: GuardOptions): Route["handle"] {
  return function guardedPageHandler(context) {
    const request = context.req.raw;
    const from = isForeignNavigation(request) ? "foreign" : "own";
    if (from === "foreign") checkHost(request, hosts);
    else checkCaller(request, hosts);
    return handle(context, from);
  };
}

/** Whether a link of another site has opened this as the page of a tab (Fetch Metadata of the W3C). */
function isForeignNavigation({ method, headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  return method === "GET" && !headers.has("origin") && (site === "cross-site" || site === "same-site") &&
    headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
}

/** @returns the Host. */
function checkHost({ headers, url }: Request, hosts: ReadonlySet<string>): string {
  const host = headers.get("host");
  if (host === null || !hosts.has(host.toLowerCase())) throw misdirected(host, hosts);
  // A request line may name a host of its own, and then that one counts (RFC 9112, section 3.2.2).
  const authority = url.slice("http://".length, url.indexOf("/", "http://".length));
  if (!hosts.has(authority.toLowerCase())) throw misdirected(authority, hosts);
  return host;
}

function checkCaller(request: Request, hosts: ReadonlySet<string>): void {
  const { method, headers } = request;
  const host = checkHost(request, hosts);
  const origin = headers.get("origin");
  if (origin !== null && origin.toLowerCase() !== `http://${host.toLowerCase()}`) throw foreign("origin", origin);
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "none" && site !== "same-origin") throw foreign("sec-fetch-site", site);
  if (method === "OPTIONS") {
    throw new PortdError("method_not_allowed", "Cannot answer OPTIONS: no other origin is served", { allow: [] });
  }
  if (WITH_BODY.has(method)) requireJson(headers.get("content-type"));
}

/** Whether the request came with the token of this daemon, or with that of a tab's session. */
export function hasToken({ headers }: Request, options: GuardOptions): boolean {
  const given = headers.get("authorization");
  return given !== null && isAccepted(given, options);
}

/** What was sent as a token; empty where nothing was. */
export function bearerOf({ headers }: Request): string {
  return headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
}

/** Checks that a caller has the token itself: a session makes no other sessions. @throws {PortdError} `scope_required`. */
export function requireTokenItself({ headers }: Request, { token }: GuardOptions): void {
  if (isEqual(headers.get("authorization") ?? "", `Bearer ${token}`)) return;
  throw new PortdError("scope_required", "Cannot do this in a session of the dashboard: send the token", {
    scope: "expose",
  });
}

function isAccepted(given: string, { token, sessions }: GuardOptions): boolean {
  return isEqual(given, `Bearer ${token}`) ||
    given.startsWith("Bearer ") && sessions.has(given.slice("Bearer ".length));
}

/** Checks that a caller has a scope. @throws {PortdError} `scope_required` or `unauthorized`. */
export function requireScope({ headers }: Request, scope: Scope, options: GuardOptions): void {
  const given = headers.get("authorization");
  if (given !== null) {
    if (isAccepted(given, options)) return;
    throw new PortdError("unauthorized", "Cannot accept the credentials: the token is not this daemon's");
  }
  if (scope === "expose") {
    throw new PortdError("scope_required", 'Cannot do this without the scope "expose": send the token', { scope });
  }
  if (options.anonymous === "none") {
    throw new PortdError("unauthorized", "Cannot serve without a token: the configuration asks for one");
  }
}

/** The same error; a refusal for want of the token names its file, where `GET /status` names the folder to anybody. */
export function withTokenFile(error: Error, { tokenFile, anonymous }: GuardOptions): Error {
  if (!(error instanceof PortdError) || error.code !== "scope_required" || anonymous === "none") return error;
  return new PortdError(error.code, `${error.message}; the token is in ${tokenFile}`, { ...error.data, tokenFile });
}

function isWithinLimit(length: string): boolean {
  return /^\d{1,10}$/.test(length) && Number(length) <= BODY_LIMIT;
}

/** The refusal of a body over {@linkcode BODY_LIMIT}. */
export function tooLarge(): PortdError {
  return new PortdError("payload_too_large", `Cannot read the body: it is larger than ${BODY_LIMIT} bytes`, {
    expected: `at most ${BODY_LIMIT} bytes`,
  });
}

/** Compares in a time that does not depend on where they differ. `node:crypto` does so too, and takes 31 ms to load. */
function isEqual(given: string, expected: string): boolean {
  if (given.length !== expected.length) return false;
  let difference = 0;
  for (let i = 0; i < given.length; i++) difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  return difference === 0;
}

function requireJson(contentType: string | null): void {
  if (contentType?.split(";", 1).join().trim().toLowerCase() === "application/json") return;
  const message = 'Cannot accept the request: its Content-Type must be "application/json"';
  throw new PortdError("unsupported_media_type", message, {
    field: "content-type",
    value: contentType,
    expected: "application/json",
  });
}

function misdirected(host: string | null, hosts: ReadonlySet<string>): PortdError {
  const message = "Cannot serve this Host: the request was meant for another server";
  return new PortdError("misdirected_host", message, { field: "host", value: host, expected: [...hosts].join(" or ") });
}

function foreign(field: string, value: string): PortdError {
  const message = "Cannot serve a request that comes from a web page of another origin";
  return new PortdError("forbidden_origin", message, { field, value });
}
