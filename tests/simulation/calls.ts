/** What clients ask for: a plan of a call, drawn for a world as it is. */
import type { LeaseRecord } from "../../src/lease/record.ts";
import {
  type AskedGrant,
  canonical,
  type Field,
  type Plan,
  type Target,
  type WishedPort,
  type Write,
} from "./operation.ts";
import type { Random } from "./random.ts";
import type { CallKind } from "./settings.ts";
import type { World } from "./world.ts";

const NAMES = ["web", "api", "db"], PROJECTS = ["shop", "blog"], TEAMS = ["red", "blue"];
const DAY_MS = 86_400_000;
const ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Draws a call of one kind; `undefined` where there is nothing for it yet. */
export function planCall(kind: CallKind, world: World, random: Random): Plan | undefined {
  return PLANNERS[kind](world, random);
}

type Planner = (world: World, random: Random) => Plan | undefined;

const PLANNERS: Readonly<Record<CallKind, Planner>> = {
  grant: planGrant,
  again: planAgain,
  repeat: planRepeat,
  release: planRelease,
  "release by label": planReleaseByLabel,
  renew: planRenew,
  amend: planAmend,
  expose: planExpose,
  read: planRead,
  "look around": planLookAround,
  export: () => ({ words: "export", method: "GET", path: "/v1/export", hasToken: true }),
  import: planImport,
  events: (_, random) => ({
    words: "events",
    method: "GET",
    path: `/v1/events${random.chance(0.5) ? "?lastEventId=x-1" : ""}`,
  }),
};

type Body = Record<string, unknown>;

function planGrant(world: World, random: Random): Plan {
  const { shape } = world.settings;
  const number = world.book.operations.length;
  const project = random.chance(0.7) ? random.pick(PROJECTS) : null;
  const body: Body = { labels: { op: String(number), team: random.pick(TEAMS) } };
  if (project !== null) body.project = project;
  if (project === null || random.chance(0.2)) body.holder = { id: `client-${random.below(3)}` };
  const isSeveral = random.chance(shape.several);
  const wishes = isSeveral ? drawSeveral(world, random, body) : [drawOne(world, random, body, true)];
  drawTerms(world, random, body);
  return grantPlan(world, random, body, wishes);
}

/** Asks for the name of a live lease as its holder does. */
function planAgain(world: World, random: Random): Plan | undefined {
  const named = world.run.records().filter(({ name }) => name !== null);
  if (named.length === 0) return undefined;
  const record = random.pick(named);
  const number = world.book.operations.length;
  const body: Body = { labels: { op: String(number), team: random.pick(TEAMS) } };
  const last = record.project === null ? record.name! : record.name!.slice(record.project.length + 1);
  if (record.project !== null) body.project = record.project;
  if (!record.holder.id.startsWith("project:")) body.holder = { id: record.holder.id };
  const services = record.project === null || random.chance(0.7) ? [last] : [last, random.pick(NAMES)];
  if (services.length > 1 && services[0] !== services[1]) body.services = services.map((name) => ({ name }));
  else body.name = last;
  drawTerms(world, random, body);
  const names = body.services === undefined ? [last] : services;
  return grantPlan(world, random, body, names.map((name) => wishOf({ name }, record.project)));
}

function drawOne(world: World, random: Random, body: Body, mayBeNamed: boolean): WishedPort {
  const { shape, pool, excluded, ephemeral } = world.settings;
  if (mayBeNamed && random.chance(shape.named)) body.name = random.pick(NAMES);
  const all = [...pool, ...excluded, ...ephemeral, 8080];
  const where = random.weighted({ any: 10, port: 3, prefer: 2, range: 2, os: 2 });
  if (where === "port") body.port = random.pick(all);
  if (where === "prefer") body.prefer = [random.pick(all), random.pick(all)];
  if (where === "range") {
    const first = random.pick(pool);
    body.range = { first, last: Math.max(first, random.pick(all)) };
    if (random.chance(0.5)) body.range = { first, last: first + 1 };
  }
  if (where === "os") body.pool = "os";
  if (random.chance(0.3)) body.protocols = random.pick([["udp"], ["tcp", "udp"]]);
  if (random.chance(0.15)) body.hold = "none";
  return wishOf(body, (body.project as string | undefined) ?? null);
}

function drawSeveral(world: World, random: Random, body: Body): WishedPort[] {
  const project = (body.project as string | undefined) ?? null;
  if (project !== null && random.chance(0.5)) {
    const services: Body[] = NAMES.slice(0, 1 + random.below(NAMES.length)).map((name) => ({ name }));
    if (random.chance(0.3)) services[0]!.port = random.pick(world.settings.pool);
    body.services = services;
    return services.map((service) => wishOf(service, project));
  }
  const length = 1 + random.below(3);
  const kind = random.pick(["count", "block"] as const);
  body[kind] = length;
  if (random.chance(0.3)) body.protocols = random.pick([["udp"], ["tcp", "udp"]]);
  if (random.chance(0.3)) body.name = random.pick(NAMES);
  const one = wishOf(body, project);
  return Array.from({ length }, (_, i) => ({ ...one, name: one.name === null ? null : `${one.name}-${i + 1}` }));
}

/** Lifetime, process, exposure and patience. */
function drawTerms(world: World, random: Random, body: Body): void {
  const { shape } = world.settings;
  if (random.chance(0.7)) body.lifetime = drawLifetime(world, random);
  const pids = [...world.kernel.processes.keys()];
  if (pids.length > 0 && random.chance(shape.processes)) {
    body.pid = random.pick(pids);
    if (random.chance(0.4)) body.lifetime = { kind: "process", graceMs: 1000 };
  }
  if (random.chance(shape.exposed)) body.exposure = drawExposure(world);
  if (random.chance(shape.wait)) body.waitMs = random.pick([1000, 30_000, 30_000, 600_000]);
}

function drawLifetime(world: World, random: Random): Body {
  const mark = world.book.operations.length;
  switch (random.weighted({ pinned: 3, long: 4, short: 2, listener: 1 })) {
    case "pinned":
      return { kind: "pinned" };
    case "long":
      return { kind: "ttl", ttlMs: 365 * DAY_MS - 1000 - mark };
    case "short":
      return { kind: "ttl", ttlMs: 5000 + mark };
    case "listener":
      return { kind: "listener", claimMs: 60_000 + mark, graceMs: 5000 };
  }
}

function drawExposure({ book }: World): { firewall: object } {
  const mark = book.operations.length;
  return { firewall: { direction: "in", profiles: ["private"], remote: [`10.0.${mark >> 8}.${mark & 255}`] } };
}

function grantPlan(world: World, random: Random, body: Body, wishes: readonly WishedPort[]): Plan {
  const { shape, defaults } = world.settings;
  const hasToken = body.exposure === undefined ? random.chance(0.1) : random.chance(0.9);
  const { claimMs, graceMs } = defaults;
  const grant: AskedGrant = {
    wishes,
    contiguous: body.block !== undefined,
    waitMs: (body.waitMs as number | undefined) ?? 0,
    labels: body.labels as Record<string, string>,
    lifetime: body.lifetime as AskedGrant["lifetime"],
    pid: body.pid as number | undefined,
    exposure: body.exposure ?? null,
  };
  const key = random.chance(shape.keyed) ? `key-${world.book.operations.length}` : undefined;
  const text = JSON.stringify(body);
  return {
    words: `grant ${text}${key === undefined ? "" : ` with ${key}`}${hasToken ? " with the token" : ""}`,
    method: "POST",
    path: "/v1/leases",
    body: text,
    hasToken,
    user: random.below(2),
    grant,
    renews: true,
    writes: grantWrites(grant, { kind: "listener", claimMs, graceMs }),
    ...(key === undefined ? {} : { key }),
  };
}

/** A grant for a live name changes less than one that makes a lease: which of the two it is shows later. */
function grantWrites({ labels, exposure, lifetime, pid }: AskedGrant, standard: object): Map<Field, Write> {
  const write = (value: unknown) => ({ value: canonical(value), isCertain: false });
  return new Map([
    ["labels", write(labels)],
    ["exposure", write(exposure)],
    ["lifetime", write(lifetime ?? standard)],
    ["pid", write(pid ?? null)],
  ]);
}

function wishOf(body: Body, project: string | null): WishedPort {
  const { name, port, prefer = [], range, pool = "default", protocols = ["tcp"], hold = "soft" } = body as unknown as
    & Partial<Omit<WishedPort, "name">>
    & { readonly name?: string };
  const full = name === undefined ? null : project === null ? name : `${project}/${name}`;
  return { name: full, port, prefer, range, pool, protocols, hold };
}

/** The same call again, word for word: what a client does that has heard nothing, or an error. */
function planRepeat(world: World, random: Random): Plan | undefined {
  const { book, time } = world;
  const keyed = book.operations.filter(({ plan, started }) =>
    plan.key !== undefined && time.wall - started.wall < DAY_MS
  );
  if (keyed.length === 0) return undefined;
  const { plan, family } = random.pick(keyed);
  if (random.chance(0.05)) {
    const other = grantPlan(world, random, { labels: { op: String(book.operations.length) } }, [wishOf({}, null)]);
    return { ...other, words: `${other.words} with ${plan.key} of another call`, key: plan.key! };
  }
  return { ...plan, words: `repeat of call ${family} with ${plan.key}`, family };
}

function drawTarget(world: World, random: Random): Target | undefined {
  const live = world.run.records();
  const record: Pick<LeaseRecord, "id" | "name" | "port"> | undefined = live.length > 0 && random.chance(0.9)
    ? random.pick(live)
    : random.pick([...world.book.leases.values(), undefined]);
  if (record === undefined) return undefined;
  const { id, name, port } = record;
  if (name !== null && random.chance(0.2)) return { by: "name", name };
  return random.chance(0.15) ? { by: "port", port } : { by: "id", id };
}

function pathOf(target: Target): string {
  if (target.by === "id") return `/v1/leases/${target.id}`;
  if (target.by === "port") return `/v1/leases/by-port/${target.port}`;
  return target.by === "name" ? `/v1/leases/by-name/${target.name}` : "";
}

function planRelease(world: World, random: Random): Plan | undefined {
  const target = drawTarget(world, random);
  if (target === undefined) return undefined;
  return { words: `release ${pathOf(target)}`, method: "DELETE", path: pathOf(target), target, ends: true };
}

function planReleaseByLabel(_: World, random: Random): Plan {
  const value = random.pick(TEAMS);
  const target = { by: "label", key: "team", value } as const;
  return {
    words: `release team:${value}`,
    method: "DELETE",
    path: `/v1/leases?label=team:${value}`,
    target,
    ends: true,
  };
}

function planRenew(world: World, random: Random): Plan | undefined {
  const target = drawTarget(world, random);
  if (target === undefined) return undefined;
  const lifetime = { kind: "ttl", ttlMs: 365 * DAY_MS - 1000 - world.book.operations.length };
  const body = random.chance(0.5) ? {} : { ttlMs: lifetime.ttlMs };
  return {
    words: `renew ${pathOf(target)} ${JSON.stringify(body)}`,
    method: "POST",
    path: `${pathOf(target)}/renew`,
    body: JSON.stringify(body),
    target,
    hasToken: random.chance(0.3),
    renews: true,
    writes: new Map("ttlMs" in body ? [["lifetime", certain(lifetime)]] : []),
  };
}

function planAmend(world: World, random: Random): Plan | undefined {
  const target = drawTarget(world, random);
  if (target === undefined) return undefined;
  const body: Body = {}, writes = new Map<Field, Write>();
  const what = random.weighted({ labels: 6, lifetime: 3, pid: 2 });
  const pids = [...world.kernel.processes.keys()];
  if (what === "pid" && pids.length > 0) {
    body.pid = random.pick(pids);
    writes.set("pid", certain(body.pid));
  } else if (what === "lifetime") {
    body.lifetime = drawLifetime(world, random);
    writes.set("lifetime", certain(body.lifetime));
  } else {
    body.labels = { v: String(world.book.operations.length), team: random.pick(TEAMS) };
    writes.set("labels", certain(body.labels));
  }
  return {
    words: `amend ${pathOf(target)} ${JSON.stringify(body)}`,
    method: "PATCH",
    path: pathOf(target),
    body: JSON.stringify(body),
    target,
    hasToken: random.chance(0.3),
    renews: body.labels === undefined,
    writes,
  };
}

function planExpose(world: World, random: Random): Plan | undefined {
  const target = drawTarget(world, random);
  if (target === undefined) return undefined;
  const exposure = random.chance(0.7) ? drawExposure(world) : null;
  return {
    words: `${exposure === null ? "close" : "expose"} ${pathOf(target)}`,
    method: exposure === null ? "DELETE" : "PUT",
    path: `${pathOf(target)}/exposure`,
    ...(exposure === null ? {} : { body: JSON.stringify(exposure) }),
    target,
    hasToken: random.chance(0.9),
    writes: new Map([["exposure", certain(exposure)]]),
  };
}

function planRead(world: World, random: Random): Plan | undefined {
  if (random.chance(0.4)) return { words: "list", method: "GET", path: "/v1/leases" };
  const target = drawTarget(world, random);
  return target && { words: `show ${pathOf(target)}`, method: "GET", path: pathOf(target), target };
}

function planLookAround(world: World, random: Random): Plan {
  const path = random.pick([
    "/v1/leases?ended=true",
    "/v1/listeners",
    `/v1/ports/${random.pick(world.settings.pool)}`,
    `/v1/ports/${random.pick(world.settings.ephemeral)}`,
    "/v1/firewall",
    "/v1/status",
    "/healthz",
  ]);
  if (random.chance(0.2)) {
    const body = JSON.stringify({ dryRun: random.chance(0.5) });
    return { words: "sync the firewall", method: "POST", path: "/v1/firewall/sync", body, hasToken: true };
  }
  return { words: path, method: "GET", path, hasToken: true };
}

function planImport(world: World, random: Random): Plan {
  const { book, settings, time } = world;
  const mark = book.operations.length;
  const known = [...book.leases.values()].filter((each) => each.acknowledgedAt !== undefined).map(({ id }) => id);
  const ids = Array.from(
    { length: 1 + random.below(2) },
    () =>
      known.length > 0 && random.chance(0.3)
        ? random.pick(known)
        : `01${Array.from({ length: 24 }, () => random.pick([...ULID])).join("")}`,
  );
  const labels = { op: String(mark), team: random.pick(TEAMS) };
  const leases = ids.map((id, i) => ({
    id,
    name: random.chance(0.5) ? `imported-${random.below(2)}` : null,
    project: null,
    port: settings.pool[(mark + i) % settings.pool.length]!,
    protocols: ["tcp"],
    holder: { id: `client-${random.below(3)}` },
    lifetime: { kind: "pinned" },
    hold: "soft",
    labels,
    grantedAt: new Date(time.wall).toISOString(),
    renewedAt: new Date(time.wall).toISOString(),
    expiresAt: null,
  }));
  const write = (value: unknown) => ({ value: canonical(value), isCertain: false });
  return {
    words: `import ${leases.map(({ port, name }) => `${port} ${name}`).join(", ")}`,
    method: "POST",
    path: "/v1/import",
    body: JSON.stringify({ version: 1, leases }),
    hasToken: true,
    imported: ids,
    writes: new Map<Field, Write>([
      ["labels", write(labels)],
      ["exposure", write(null)],
      ["lifetime", write({ kind: "pinned" })],
      ["pid", write(null)],
    ]),
  };
}

function certain(value: unknown): Write {
  return { value: canonical(value), isCertain: true };
}
