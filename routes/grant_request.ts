/** Converts the body of `POST /leases` for the registry: fills in defaults and refuses contradictions. Pure. */
import { Buffer } from "node:buffer";
import type { ExposureRequest, LeaseRequest, LifetimeRequest, PortRequest } from "../src/client/wire.ts";
import type { Services } from "../src/daemon/daemon.ts";
import { invalidField, PortdError } from "../src/errors.ts";
import type { Exposure, GatewayExposure, Lifetime } from "../src/lease/lease.ts";
import type { GrantRequest, Wish } from "../src/lease/wish.ts";
import type { Occupant } from "../src/listener/occupant.ts";

/** Times that a request may leave out. */
export type LifetimeDefaults = Pick<Services["defaults"], "claimMs" | "graceMs" | "processGraceMs">;

/** What a request may leave out. */
export type RequestDefaults = Services["defaults"];

/** The most bytes for one request: each of its leases stores a copy of holder and labels of its own. */
const MOST_COPIED_BYTES = 262_144;

/** Fields, each with those that cannot be used together with it. */
const EXCLUSIVE: readonly (readonly [keyof LeaseRequest, readonly (keyof LeaseRequest)[]])[] = [
  ["services", ["name", "port", "prefer", "range", "pool", "protocols", "hold", "count", "block", "inUse"]],
  ["inUse", ["block", "pid"]],
  ["count", ["block", "port"]],
  ["block", ["prefer", "pool"]],
  ["port", ["prefer", "range", "pool"]],
  ["range", ["pool"]],
  ["ttlMs", ["lifetime"]],
];

/** @throws {PortdError} `invalid_request` for fields that contradict each other. */
export function toGrantRequest(
  body: LeaseRequest,
  defaults: RequestDefaults,
  caller: Pick<GrantRequest, "owner" | "mayExpose">,
): GrantRequest {
  refuseContradictions(body);
  if (body.inUse === true && !body.port) throw withoutPort();
  const project = body.project ?? null;
  const wishes = wishesOf(body, project);
  refuseSameNames(wishes);
  refuseLongCopies(body, wishes.length);
  const lifetime = body.ttlMs === undefined ? body.lifetime : { kind: "ttl", ttlMs: body.ttlMs } as const;
  return {
    project,
    wishes,
    contiguous: body.block !== undefined,
    holder: {
      id: body.holder?.id ?? null,
      command: body.holder?.command ?? null,
      cwd: body.holder?.cwd ?? null,
    },
    pid: body.pid ?? null,
    lifetime: lifetime === undefined ? undefined : toLifetime(lifetime, defaults),
    labels: body.labels,
    exposure: body.exposure === undefined ? undefined : toExposure(body.exposure, defaults, "exposure."),
    waitMs: body.waitMs ?? 0,
    ...caller,
  };
}

/** A request for a port that is in use: its holder's process is the one that listens there, as far as that is seen. */
export function withOccupant(
  request: GrantRequest,
  { pid, protocols }: Occupant,
  { processGraceMs }: LifetimeDefaults,
): GrantRequest {
  const whileItRuns = pid === null ? undefined : { kind: "process", graceMs: processGraceMs } as const;
  const wishes = request.wishes.map((wish) => ({ ...wish, listening: protocols }));
  return { ...request, pid, wishes, lifetime: request.lifetime ?? whileItRuns };
}

/** A lifetime with its times filled in. */
export function toLifetime(lifetime: LifetimeRequest, defaults: LifetimeDefaults): Lifetime {
  switch (lifetime.kind) {
    case "listener": {
      const { claimMs = defaults.claimMs, graceMs = defaults.graceMs } = lifetime;
      return { kind: "listener", claimMs, graceMs };
    }
    case "process":
      return { kind: "process", graceMs: lifetime.graceMs ?? defaults.processGraceMs };
    default:
      return lifetime;
  }
}

const DEFAULT_PROFILES = ["domain", "private"] as const;

/**
 * The exposure of a request; by default for the networks that this machine is on, if they are private or domain, and
 * without the router.
 *
 * @param path is where it stands in the body, with a dot at its end.
 * @throws {PortdError} `invalid_request` for a mapping that is too short.
 */
export function toExposure(
  { firewall: { direction = "in", profiles = DEFAULT_PROFILES, remote = ["LocalSubnet"] } = {}, gateway }:
    ExposureRequest,
  defaults: Pick<RequestDefaults, "gateway">,
  path = "",
): Exposure {
  return {
    firewall: { direction, profiles, remote },
    gateway: gateway === null || gateway === undefined ? null : toGatewayExposure(gateway, defaults, `${path}gateway`),
  };
}

function toGatewayExposure(
  { externalPort, ipv4 = true, ipv6 = false, lifetimeMs: asked }: NonNullable<ExposureRequest["gateway"]>,
  { gateway: { lifetimeMs: defaultMs, shortestLifetimeMs } }: Pick<RequestDefaults, "gateway">,
  path: string,
): GatewayExposure {
  if (asked !== undefined && asked < shortestLifetimeMs) {
    throw invalidField(`${path}.lifetimeMs`, asked, `at least ${shortestLifetimeMs} milliseconds`);
  }
  const lifetimeMs = asked ?? Math.max(defaultMs, shortestLifetimeMs);
  return { externalPort: externalPort || null, ipv4, ipv6, lifetimeMs }; // 0 is "any"
}

function wishesOf(body: LeaseRequest, project: string | null): Wish[] {
  if (body.services !== undefined) {
    return body.services.map((service) => toWish(service, fullName(project, service.name)));
  }
  const several = body.count ?? body.block;
  if (several === undefined) return [toWish(body, fullName(project, body.name))];
  const wish = toWish(body, null);
  if (!body.name) return Array.from({ length: several }, () => wish);
  return Array.from({ length: several }, (_, i) => ({ ...wish, name: fullName(project, `${body.name}-${i + 1}`) }));
}

function toWish(asked: PortRequest, name: string | null): Wish {
  const { port, range, prefer = [], pool = "default", protocols = ["tcp"], hold } = asked;
  return {
    name,
    ...(port ? { port } : {}), // 0 is "any"
    ...(range === undefined ? {} : { range }),
    prefer,
    pool,
    protocols,
    ...(hold === undefined ? {} : { hold }),
  };
}

/** `project/name`, or the name alone. */
function fullName(project: string | null, name: string | null | undefined): string | null {
  if (name === null || name === undefined) return null;
  return project === null ? name : `${project}/${name}`;
}

function refuseContradictions(body: LeaseRequest): void {
  for (const [field, others] of EXCLUSIVE) {
    if (body[field] === undefined || body[field] === 0) continue;
    const other = others.find((name) => body[name] !== undefined && body[name] !== null && body[name] !== 0);
    if (other === undefined) continue;
    const message = `Cannot use "${other}" together with "${field}": leave one of them out`;
    throw new PortdError("invalid_request", message, { field: other, value: body[other], expected: `no "${field}"` });
  }
}

function withoutPort(): PortdError {
  const expected = "the port that is in use";
  return new PortdError("invalid_request", `Cannot use "inUse" without "port": name ${expected}`, {
    field: "port",
    expected,
  });
}

function refuseLongCopies({ holder, labels = {} }: LeaseRequest, leases: number): void {
  if (leases === 1) return;
  const texts = [holder?.id, holder?.command, holder?.cwd, ...Object.entries(labels).flat()];
  const bytes = leases * texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), 0);
  if (bytes <= MOST_COPIED_BYTES) return;
  const expected = `at most ${Math.floor(MOST_COPIED_BYTES / leases)} bytes of holder and labels together`;
  const field = Object.keys(labels).length > 0 ? "labels" : "holder";
  const message = `Cannot use "${field}": it is kept with each of ${leases} leases; must be ${expected}`;
  throw new PortdError("invalid_request", message, { field, value: `${bytes / leases} bytes`, expected });
}

function refuseSameNames(wishes: readonly Wish[]): void {
  const names = new Set<string>();
  for (const [i, { name }] of wishes.entries()) {
    if (name === null) continue;
    if (names.has(name)) throw invalidField(`services[${i}].name`, name, "a name that no other service here has");
    names.add(name);
  }
}
