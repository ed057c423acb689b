/**
 * The guard: what is refused before any handler runs, in this order. Host (a name that was rebound to this address),
 * Origin and Sec-Fetch-Site (a web page), OPTIONS (there is no CORS here), Content-Type (a form), token and scope,
 * size. Whatever is not plainly allowed is refused.
 */
import { timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { PortdError } from "../src/errors.ts";

/** What a call asks of its caller; `none` is for probes of liveness. */
export type Scope = "none" | "lease" | "expose";

/** Who is let in. */
export interface GuardOptions {
  /** Values of the Host header that name this daemon. */
  readonly hosts: ReadonlySet<string>;
  /** The content of `admin.token`. */
  readonly token: string;
  /** What a caller without a token may do. */
  readonly anonymous: "lease" | "none";
}

/** The largest body that is read, in bytes. */
export const BODY_LIMIT = 65_536;

const MUTATIONS = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** Refuses callers that are no client of ours: for every path, known or not. */
export function guardCaller({ hosts }: Pick<GuardOptions, "hosts">): MiddlewareHandler {
  return function guardCaller(context, next) {
    const { method, headers } = context.req.raw;
    const host = headers.get("host");
    if (host === null || !hosts.has(host.toLowerCase())) throw misdirected(host, hosts);
    const origin = headers.get("origin");
    if (origin !== null && origin.toLowerCase() !== `http://${host.toLowerCase()}`) throw foreign("origin", origin);
    const site = headers.get("sec-fetch-site");
    if (site !== null && site !== "none" && site !== "same-origin") throw foreign("sec-fetch-site", site);
    if (method === "OPTIONS") {
      throw new PortdError("method_not_allowed", "Cannot answer OPTIONS: no other origin is served", { allow: [] });
    }
    if (MUTATIONS.has(method)) requireJson(headers.get("content-type"));
    return next();
  };
}

/** Refuses callers that may not make this call, and bodies that are too large. */
export function guardCall(scope: Scope, { token, anonymous }: Omit<GuardOptions, "hosts">): MiddlewareHandler {
  const expected = new TextEncoder().encode(`Bearer ${token}`);
  return function guardCall(context, next) {
    const { headers } = context.req.raw;
    if (scope !== "none") {
      const given = headers.get("authorization");
      if (given !== null && !isEqual(given, expected)) {
        throw new PortdError("unauthorized", "Cannot accept the credentials: the token is not this daemon's");
      }
      if (given === null && scope === "expose") {
        throw new PortdError("scope_required", 'Cannot do this without the scope "expose": send the token', { scope });
      }
      if (given === null && anonymous === "none") {
        throw new PortdError("unauthorized", "Cannot serve without a token: the configuration asks for one");
      }
    }
    const length = headers.get("content-length");
    if (length !== null && !(Number(length) <= BODY_LIMIT)) throw tooLarge();
    return next();
  };
}

/** The refusal of a body over {@linkcode BODY_LIMIT}. */
export function tooLarge(): PortdError {
  return new PortdError("payload_too_large", `Cannot read the body: it is larger than ${BODY_LIMIT} bytes`, {
    expected: `at most ${BODY_LIMIT} bytes`,
  });
}

function isEqual(given: string, expected: Uint8Array): boolean {
  const bytes = new TextEncoder().encode(given);
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
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
