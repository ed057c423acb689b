/**
 * The protocol of gRPC's port_server, with which its tests ask for ports over HTTP: `GET /get` answers a port,
 * `/drop/PORT` gives it back, `/version_number`, `/dump`, `/quitquitquit`. A port is for TCP and UDP. It is given back
 * after ten minutes, unless somebody listens on it then.
 */
import type { Callers } from "../caller/caller.ts";
import type { Clock } from "../clock.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Registry } from "../lease/registry.ts";
import type { Pool } from "../lease/pool.ts";
import { readPort } from "../port/port.ts";
import { COMPAT_LABEL, grantPort } from "./grants.ts";

/** What it asks of the daemon. */
export interface GrpcPortServerParts {
  readonly registry: Pick<Registry, "grant" | "end" | "table">;
  readonly pool: Pick<Pool, "ports" | "isFree">;
  readonly callers: Pick<Callers, "recall" | "isOwner">;
  readonly clock: Clock;
  /** The address on which it listens; 127.0.0.1 or ::1. */
  readonly local: () => { readonly address: string; readonly port: number };
  /** Called for `/quitquitquit`; it is ignored where this is absent. */
  readonly quit?: (() => void) | undefined;
}

/** The version that its clients know; they end a server with a lower one. */
const VERSION_NUMBER = 1000;
/** After this time a port is given back on which nobody listens. */
const KEPT_MS = 600_000;
/** How long a port is kept after its listener has left. */
const GRACE_MS = 10_000;

/** Answers one request. */
export type HttpHandler = (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Promise<Response>;

/** The server's handler. */
export function grpcPortServer(parts: GrpcPortServerParts): HttpHandler {
  return async (request, { remoteAddr }) => {
    const { address, port } = parts.local();
    const hosts = [`localhost:${port}`, address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`];
    if (!isFromHere(request, hosts)) return text(403, "not for web pages\n");
    if (request.method !== "GET" && request.method !== "POST") return text(405, "");
    await request.body?.cancel();
    const path = new URL(request.url).pathname;
    if (path === "/get") return await get(parts, await ownerOf(parts, remoteAddr));
    if (path.startsWith("/drop/")) return await drop(parts, path.slice("/drop/".length));
    if (path === "/version_number") return text(200, String(VERSION_NUMBER));
    if (path === "/dump") return text(200, dump(parts));
    if (path === "/quitquitquit") {
      parts.quit?.();
      return text(200, "");
    }
    return text(404, "there is no such call\n");
  };
}

/** Whether it is no page of a browser that asks: not by a name that leads here, nor from another origin. */
function isFromHere({ headers, url }: Request, hosts: readonly string[]): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  return hosts.includes(headers.get("host") ?? "") && hosts.includes(new URL(url).host) &&
    headers.get("origin") === null &&
    site === "none";
}

async function get({ registry }: GrpcPortServerParts, owner: string | null): Promise<Response> {
  const port = await grantPort(registry, {
    protocol: "grpc",
    protocols: ["tcp", "udp"],
    pid: null,
    owner,
    lifetime: { kind: "listener", claimMs: KEPT_MS, graceMs: GRACE_MS },
  });
  return port === undefined ? text(503, "no port is free\n") : text(200, String(port));
}

/** Gives back a port that was asked for here, and no other; one that is not leased is no error. */
async function drop({ registry }: GrpcPortServerParts, digits: string): Promise<Response> {
  const port = readPort(digits);
  if (port === undefined) return text(400, "that is no port\n");
  const lease = leasesOf(registry).find((record) => record.port === port);
  if (lease !== undefined) await registry.end(lease.id, "released");
  return text(200, "");
}

/** The free ports and those that are leased, with the age of each lease in seconds, as YAML. */
function dump({ registry, pool, clock }: GrpcPortServerParts): string {
  const free = pool.ports.filter((port) => pool.isFree(port, ["tcp", "udp"]));
  const ages = leasesOf(registry).map(({ port, grantedAt }) => `  ${port}: ${(clock.now() - grantedAt) / 1000}`);
  const used = ages.length === 0 ? "in_use: {}" : ["in_use:", ...ages].join("\n");
  return `${used}\npool: [${free.join(", ")}]\n`;
}

function leasesOf({ table }: GrpcPortServerParts["registry"]): readonly LeaseRecord[] {
  return [...table.all()].filter(({ labels }) => labels[COMPAT_LABEL] === "grpc");
}

/** The user for whom a port counts. */
async function ownerOf({ callers, local }: GrpcPortServerParts, remote: Deno.NetAddr): Promise<string | null> {
  const user = await callers.recall({ remote: { address: remote.hostname, port: remote.port }, local: local() });
  return callers.isOwner(user) ? null : user ?? "unknown";
}

/** An answer with its length, not in chunks. */
function text(status: number, body: string): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain", "x-content-type-options": "nosniff" },
  });
}
