/** Leases over HTTP. */
import type { Context } from "hono";
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import type { Exposure } from "../src/lease/lease.ts";
import { touchesPrivileged, withoutPrivileged } from "../src/lease/privileged.ts";
import type { LeaseRecord } from "../src/lease/record.ts";
import type { Registry } from "../src/lease/registry.ts";
import type { GrantRequest } from "../src/lease/wish.ts";
import { checkBody, readJson } from "./body.ts";
import { callerKey, callerOf, countedUser } from "./caller.ts";
import { check, checkQuery } from "./check.ts";
import { freeLease } from "./free.ts";
import { toExposure, toGrantRequest, toLifetime, withOccupant } from "./grant_request.ts";
import { hasToken, requireScope, type Route } from "./guard.ts";
import { json, noContent } from "./headers.ts";
import { MINIMAL_APPLIED, prefersMinimal } from "./preference.ts";
import {
  AmendBody,
  ExposureBody,
  GrantBody,
  PortParameter,
  ReferenceQuery,
  ReleaseQuery,
  RenewBody,
} from "./schema.ts";

/** What these routes work on. */
type LeaseRoutesParts = Pick<
  Services,
  | "registry"
  | "replay"
  | "defaults"
  | "privileged"
  | "isKnownName"
  | "callers"
  | "findOccupant"
  | "guard"
  | "port"
  | "line"
  | "freeing"
>;

/** Finds the live lease that a path names; throws when there is none. */
type Find = (context: Context) => LeaseRecord;

/** `POST /leases` and everything below `/leases/{reference}`. */
export function leaseRoutes(parts: LeaseRoutesParts): readonly Route[] {
  const byId: Find = (context) => parts.registry.live(context.req.param("id")!);
  const byName: Find = (context) => findByName(parts, context);
  const byPort: Find = (context) => findByPort(parts, context);
  return [
    {
      method: "POST",
      path: "/leases",
      scope: "lease",
      does: "leases a port, or several",
      handle: (context) => grant(context, parts),
    },
    {
      method: "DELETE",
      path: "/leases",
      scope: "lease",
      does: "releases every lease with the label ?label=key=value",
      handle: (context) => releaseByLabel(context, parts),
    },
    ...referenceRoutes("/leases/:id", byId, parts),
    ...referenceRoutes("/leases/by-port/:port", byPort, parts),
    ...referenceRoutes("/leases/by-name/:name", byName, parts),
    ...referenceRoutes("/leases/by-name/:project/:name", byName, parts),
  ];
}

function referenceRoutes(path: string, find: Find, parts: LeaseRoutesParts): Route[] {
  const exposure = `${path}/exposure`;
  return [
    { method: "GET", path, scope: "lease", does: "shows a lease", handle: (context) => show(find(context), parts) },
    {
      method: "PATCH",
      path,
      scope: "lease",
      does: "changes a lease",
      handle: (context) => amend(context, find, parts),
    },
    {
      method: "DELETE",
      path,
      scope: "lease",
      does: "releases a lease",
      handle: (context) => release(context, find, parts),
    },
    {
      method: "POST",
      path: `${path}/renew`,
      scope: "lease",
      does: "extends a lease",
      handle: (context) => renew(context, find, parts),
    },
    {
      method: "POST",
      path: `${path}/free`,
      scope: "expose",
      does: "ends what listens for a lease, and releases it",
      handle: (context) => freeLease(context, find, parts),
    },
    {
      method: "PUT",
      path: exposure,
      scope: "expose",
      does: "opens the port of a lease to the outside",
      handle: (context) => expose(context, find, parts),
    },
    {
      method: "DELETE",
      path: exposure,
      scope: "expose",
      does: "closes it to the outside again",
      handle: (context) => unexpose(context, find, parts),
    },
  ];
}

async function grant(context: Context, parts: LeaseRoutesParts): Promise<Response> {
  const { replay, guard } = parts;
  const key = idempotencyKey(context);
  const { text, value } = await readJson(context);
  const body = check(GrantBody, value);
  if (body.exposure !== undefined || body.inUse === true) requireScope(context.req.raw, "expose", guard);
  const found = callerOf(context, "recall", parts);
  const caller = found instanceof Promise ? await found : found;
  const asked = toGrantRequest(body, parts.defaults, { owner: countedUser(caller), mayExpose: caller.hasToken });
  const request = !caller.hasToken
    ? await withoutForbidden(asked, context, parts)
    : body.inUse === true
    ? await leasedToOccupant(asked, parts)
    : asked;
  const signal = request.waitMs > 0 ? context.req.raw.signal : undefined;
  const { leases, created } = key === undefined ? await grantOnLine(request, { signal }, parts) : await replay.run(
    { caller: callerKey(caller), key, fingerprint: await digest(text) },
    (keep, signal) => grantOnLine(request, { signal, answerOf: keep }, parts),
    signal,
  );
  const isList = (body.services ?? body.count ?? body.block) !== undefined;
  const status = created ? 201 : 200;
  if (!prefersMinimal(context.req.raw)) return json(isList ? { leases } : leases[0], status);
  const short = leases.map(({ id, port }) => ({ id, port }));
  return json(isList ? { leases: short } : short[0], status, MINIMAL_APPLIED);
}

/** A request that came without the token, without the ports that its caller may not ask for. */
function withoutForbidden(
  request: GrantRequest,
  context: Context,
  parts: LeaseRoutesParts,
): GrantRequest | Promise<GrantRequest> {
  const { privileged } = parts;
  const limited = () => withoutPrivileged(request, privileged.below);
  if (!touchesPrivileged(request, privileged)) return limited();
  return Promise.resolve(callerOf(context, "identify", parts)).then(({ isOwner }) => isOwner ? request : limited());
}

/** Where nobody listens on the port it is a request like any other. */
async function leasedToOccupant(request: GrantRequest, parts: LeaseRoutesParts): Promise<GrantRequest> {
  const { port, protocols } = request.wishes[0]!;
  refuseOwnPort("grant", { port: port!, protocols }, parts);
  const occupant = await parts.findOccupant(port!, protocols);
  return occupant === undefined ? request : withOccupant(request, occupant, parts.defaults);
}

/** The daemon is no server of a lease: `portd free` would end it, and `portd open` would let others call the API. */
function refuseOwnPort(
  intent: "grant" | "open",
  { port, protocols }: Pick<LeaseRecord, "port" | "protocols">,
  { port: own }: LeaseRoutesParts,
): void {
  if (port !== own || !protocols.includes("tcp")) return;
  const message = `Cannot ${intent} port ${port}/tcp: portd itself listens on it, for its API`;
  throw new PortdError("port_in_use", message, { port });
}

/** Grants, unless the line cannot have the router's port that is asked for. */
function grantOnLine(
  request: GrantRequest,
  options: Parameters<Registry["grant"]>[1],
  parts: LeaseRoutesParts,
): ReturnType<Registry["grant"]> {
  const { exposure, wishes } = request;
  const grant = () => parts.registry.grant(request, options);
  return exposure === undefined ? grant() : requireOnLine(exposure, wishes[0]!.port ?? null, parts).then(grant);
}

/** Refuses a router's port that the line cannot have. @param port is the leased one; null where it is not chosen yet. */
async function requireOnLine({ gateway }: Exposure, port: number | null, { line }: LeaseRoutesParts): Promise<void> {
  if (gateway === null || !gateway.ipv4 || gateway.externalPort === null) return;
  await line.requirePort(gateway.externalPort, port ?? gateway.externalPort);
}

async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...bytes));
}

/** A new lease that is being written is not found yet. */
function show({ id }: LeaseRecord, { registry }: LeaseRoutesParts): Response {
  const record = registry.onDisk(id);
  if (record === undefined) throw new PortdError("lease_not_found", `Cannot find lease "${id}"`, { value: id });
  return json(registry.present(record));
}

async function renew(context: Context, find: Find, { registry, guard }: LeaseRoutesParts): Promise<Response> {
  const { ttlMs } = await checkBody(RenewBody, context);
  return json(await registry.renew(find(context).id, { ttlMs, mayExpose: hasToken(context.req.raw, guard) }));
}

async function amend(context: Context, find: Find, { registry, defaults, guard }: LeaseRoutesParts): Promise<Response> {
  const { lifetime, ...body } = await checkBody(AmendBody, context);
  const change = { ...body, lifetime: lifetime && toLifetime(lifetime, defaults) };
  return json(await registry.amend(find(context).id, { ...change, mayExpose: hasToken(context.req.raw, guard) }));
}

async function expose(context: Context, find: Find, parts: LeaseRoutesParts): Promise<Response> {
  const exposure = toExposure(await checkBody(ExposureBody, context), parts.defaults);
  await requireOnLine(exposure, find(context).port, parts);
  const record = find(context); // it may have ended meanwhile
  refuseOwnPort("open", record, parts);
  return json(await parts.registry.expose(record.id, exposure));
}

async function unexpose(context: Context, find: Find, { registry }: LeaseRoutesParts): Promise<Response> {
  checkQuery(ReferenceQuery, context);
  return json(await registry.expose(find(context).id, null));
}

/** Idempotent: for a lease that has ended already it does nothing. */
async function release(context: Context, find: Find, parts: LeaseRoutesParts): Promise<Response> {
  let record: LeaseRecord;
  try {
    record = find(context);
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "lease_ended") throw error;
    parts.registry.checkEnds();
    return noContent();
  }
  await parts.registry.end(record.id, "released");
  return noContent();
}

async function releaseByLabel(context: Context, { registry }: LeaseRoutesParts): Promise<Response> {
  const [key, value] = splitLabel(checkQuery(ReleaseQuery, context).label);
  const released = [...registry.table.all()].filter(({ labels }) => labels[key] === value).map(({ id }) => id);
  await registry.endAll(released, "released");
  return json({ released });
}

/** `key=value` or `key:value` in its two parts; the value may hold both signs. */
export function splitLabel(text: string): readonly [key: string, value: string] {
  const at = text.search(/[:=]/);
  return [text.slice(0, at), text.slice(at + 1)];
}

function findByName({ registry, isKnownName }: LeaseRoutesParts, context: Context): LeaseRecord {
  const { project, name } = context.req.param() as { project?: string; name: string };
  const full = project === undefined ? name : `${project}/${name}`;
  const record = registry.table.byName(full);
  if (record !== undefined) return record;
  if (isKnownName(full)) throw new PortdError("lease_ended", `Cannot find a live lease "${full}": the last has ended`);
  throw new PortdError("lease_not_found", `Cannot find lease "${full}"`, { field: "name", value: full });
}

function findByPort({ registry }: LeaseRoutesParts, context: Context): LeaseRecord {
  const { port } = check(PortParameter, { port: context.req.param("port") });
  const { protocol } = checkQuery(ReferenceQuery, context);
  const record = registry.table.byPort(port, protocol && [protocol]);
  if (record !== undefined) return record;
  throw new PortdError("lease_not_found", `Cannot find a lease on port ${port}`, { field: "port", value: port, port });
}

function idempotencyKey(context: Context): string | undefined {
  const key = context.req.raw.headers.get("idempotency-key");
  if (key === null) return undefined;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  const expected = "1 to 255 visible ASCII characters";
  throw new PortdError("invalid_request", `Cannot use "Idempotency-Key": must be ${expected}`, {
    field: "idempotency-key",
    expected,
  });
}
