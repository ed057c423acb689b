/** Whole requests: every route and method, with values that work, nearly work and must not work. */
import { Buffer } from "node:buffer";
import type { z } from "zod";
import type { Route } from "../../routes/guard.ts";
import * as schemas from "../../routes/schema.ts";
import type { Random } from "../support/random.ts";
import { hostileValue, POOL, ulid, valueFor } from "./values.ts";

/** What a stranger knows of a route. */
export type RouteName = Pick<Route, "method" | "path" | "scope">;

/** The daemon that the requests are for. */
export interface Target {
  /** Value of the Host header. */
  readonly host: string;
  readonly token: string;
  readonly routes: readonly RouteName[];
  /** Ids of leases that were granted recently. */
  readonly ids: readonly string[];
}

/** A request that is complete, well-formed HTTP. */
export interface WholeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | undefined;
  readonly isChunked: boolean;
}

/** The fields of every body and query, read from the schemas. */
const FIELDS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(schemas).flatMap(([name, schema]) =>
    typeof schema === "object" && "shape" in schema ? [[name, Object.keys((schema as z.ZodObject).shape)]] : []
  ),
);
const BODIES = Object.keys(FIELDS).filter((name) => name.endsWith("Body"));
const PARAMETERS = [
  ...new Set(Object.keys(FIELDS).filter((name) => !name.endsWith("Body")).flatMap((name) => FIELDS[name]!)),
];

/** The bodies of calls whose schema has another name than their path. */
const BODY_OF: readonly (readonly [method: string, path: RegExp, schema: string])[] = [
  ["POST", /\/leases$/, "GrantBody"],
  ["POST", /\/renew$/, "RenewBody"],
  ["POST", /\/import$/, "ImportBody"],
  ["POST", /\/sync$/, "SyncBody"],
  ["PATCH", /\/leases\//, "AmendBody"],
  ["POST", /\/check$/, "ReachBody"],
  ["PUT", /\/exposure$/, "ExposureBody"],
];

/** Calls that make leases are sent more often than others, so that there are leases. */
const GRANT_SHARE = 0.15;
const isGrant = ({ method, path }: RouteName) => method === "POST" && path.endsWith("/leases");

/** Calls that read all sockets of the machine take 20 ms, or 200 while many of our own are in TIME_WAIT. */
const SLOW_SHARE = 0.15;
const isSlow = ({ path }: RouteName) => /\/(listeners|ports)\b/.test(path);

function pickRoute(random: Random, routes: readonly RouteName[]): RouteName {
  if (random.chance(GRANT_SHARE)) return random.pick(routes.filter(isGrant));
  const route = random.pick(routes);
  return isSlow(route) && !random.chance(SLOW_SHARE) ? random.pick(routes) : route;
}

/** Makes a request to one of the routes. */
export function makeRequest(random: Random, target: Target): WholeRequest {
  const route = pickRoute(random, target.routes);
  const others = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"];
  const method = random.chance(0.95) ? route.method : random.pick(others);
  const mayHaveBody = method !== "GET" && method !== "HEAD" && method !== "TRACE";
  const body = mayHaveBody && random.chance(0.95) ? makeBody(random, route) : undefined;
  return {
    method,
    path: pathOf(random, route, target) + (random.chance(0.3) ? queryOf(random) : ""),
    headers: makeHeaders(random, route, target),
    body,
    isChunked: body !== undefined && random.chance(0.1),
  };
}

function pathOf(random: Random, { path }: RouteName, { ids }: Target): string {
  const parameter = (name: string): string => {
    if (random.chance(0.1)) return encodeURIComponent(asText(hostileValue(random))).slice(0, 3000) || "%00";
    if (name === "port") return String(random.int(POOL.first, POOL.last));
    if (name === "id") return ids.length > 0 && random.chance(0.8) ? random.pick(ids) : ulid(random);
    return encodeURIComponent(asText(valueFor(name, random, 0))) || "-";
  };
  const filled = path.replaceAll(/:(\w+)/g, (_, name) => parameter(name));
  return random.chance(0.97) ? filled : random.pick([
    `${filled}/`,
    `/${filled}`,
    filled.toUpperCase(),
    `${filled}%00`,
    `${filled}/../leases`,
    `${filled}/%2e%2e/export`,
    `${filled}%`,
    `${filled}/${"x".repeat(4000)}`,
  ]);
}

function queryOf(random: Random): string {
  const names = random.some(PARAMETERS, 1.5 / PARAMETERS.length);
  const pairs = names.map((name) => `${name}=${encodeURIComponent(asText(valueFor(name, random))).slice(0, 3000)}`);
  return `?${[...pairs, ...random.some(["", "__proto__=1", "unknown=1", "%=%", "port=1&port=2"], 0.05)].join("&")}`;
}

/** Text for a URL, which can hold no half of a surrogate pair. */
function asText(value: unknown): string {
  return (typeof value === "string" ? value : JSON.stringify(value) ?? "").toWellFormed();
}

function makeHeaders(random: Random, route: RouteName, { host, token }: Target): [string, string][] {
  const headers: [string, string][] = [];
  headers.push(["Host", random.chance(0.97) ? host : random.pick(["evil.example", "", "[::]:1"])]);
  const otherTypes = ["text/plain", "application/json; charset=utf-8", "a/b/c", ";"];
  headers.push(["Content-Type", random.chance(0.95) ? "application/json" : random.pick(otherTypes)]);
  // With the token /stop would end the daemon.
  const mayHaveToken = !route.path.endsWith("/stop");
  if (mayHaveToken && random.chance(route.scope === "expose" ? 0.8 : 0.2)) {
    headers.push(["Authorization", `Bearer ${token}`]);
  } else if (random.chance(0.03)) {
    headers.push(["Authorization", random.pick(["Bearer ", "Basic eDp5", `Bearer ${"0".repeat(64)}`])]);
  }
  if (random.chance(0.1)) {
    headers.push(["Idempotency-Key", random.pick([`key-${random.int(1, 200)}`, "a b", "k".repeat(300)])]);
  }
  if (random.chance(0.1)) headers.push(["Last-Event-ID", asHeader(valueFor("lastEventId", random))]);
  if (random.chance(0.05)) headers.push(["Prefer", random.pick(["return=minimal", "return=", "x; y=z", ",,"])]);
  if (random.chance(0.02)) headers.push(["Origin", random.pick(["http://evil.example", "null", `http://${host}`])]);
  if (random.chance(0.02)) headers.push(["Sec-Fetch-Site", random.pick(["cross-site", "none", "x"])]);
  if (random.chance(0.02)) headers.push([`X-${random.int(1, 9)}`, "y".repeat(random.int(1, 6000))]);
  return headers;
}

function asHeader(value: unknown): string {
  return asText(value).replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 2000);
}

function makeBody(random: Random, route: RouteName): string {
  const schema = BODY_OF.find(([method, path]) => method === route.method && path.test(route.path))?.[2];
  const fields = FIELDS[random.chance(0.95) ? schema ?? random.pick(BODIES) : random.pick(BODIES)]!;
  const few = random.some(fields, random.pick([0, 1.5 / fields.length, 3 / fields.length]));
  const required = schema === "ImportBody" ? ["version", "leases"] : [];
  const chosen = new Set([...required, ...few, ...random.some(["prot", "__proto__", "constructor"], 0.01)]);
  const text = `{${
    [...chosen].map((field) => `${JSON.stringify(field)}:${JSON.stringify(valueFor(field, random))}`).join(",")
  }}`;
  return random.chance(0.93) ? text : mutated(random, text);
}

/** A damaged body. */
function mutated(random: Random, text: string): string {
  const at = random.int(0, text.length);
  return random.pick([
    () => text.slice(0, at),
    () => text.slice(0, at) + random.pick(["\0", '"', "{", "}", ",", "\u2028", "9".repeat(400)]) + text.slice(at),
    () => `[${text}]`,
    () => text + text,
    () => "",
    () => random.pick(["null", "1", '"x"', "NaN", "[]", "{}{}", "\ufeff{}", "{'a':1}"]),
    () => "[".repeat(30_000) + "]".repeat(30_000),
    () => `{"labels":{"a":"${"x".repeat(random.pick([65_000, 66_000, 100_000]))}"}}`,
  ])();
}

/** The request as it goes over the wire. */
export function bytesOf({ method, path, headers, body, isChunked }: WholeRequest): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const content = body === undefined ? undefined : encoder.encode(body);
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (content !== undefined) lines.push(isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${content.length}`);
  const parts = [encoder.encode(`${lines.join("\r\n")}\r\n\r\n`)];
  if (content !== undefined && isChunked) {
    if (content.length > 0) {
      parts.push(encoder.encode(`${content.length.toString(16)}\r\n`), content, encoder.encode("\r\n"));
    }
    parts.push(encoder.encode("0\r\n\r\n"));
  } else if (content !== undefined) parts.push(content);
  return joined(parts);
}

/** Bytes one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Buffer.concat(parts);
}
