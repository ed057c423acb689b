/** Requests for ports, drawn for a world as it is: the largest kind of calls. */
import type { Random } from "../support/random.ts";
import {
  ANYTHING,
  type AskedGrant,
  certain,
  type Field,
  type Plan,
  uncertain,
  type WishedPort,
  type Write,
} from "./operation.ts";
import type { Settings } from "./settings.ts";
import type { World } from "./world.ts";

/** A body before it is JSON. */
export type Body = Record<string, unknown>;

/** Values of the label `team`, by which leases are released. */
export const TEAMS: readonly string[] = ["red", "blue"];
const NAMES = ["web", "api", "db"], PROJECTS = ["shop", "blog"];
const DAY_MS = 86_400_000;

/** Asks for one port or several. */
export function planGrant(world: World, random: Random): Plan {
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

/** Asks for the name of a live lease again, as its holder, often with other wishes. */
export function planAgain(world: World, random: Random): Plan | undefined {
  const named = world.run.records().filter(({ name }) => name !== null);
  if (named.length === 0) return undefined;
  const record = random.pick(named);
  const number = world.book.operations.length;
  const body: Body = random.chance(0.8) ? { labels: { op: String(number), team: random.pick(TEAMS) } } : {};
  const last = record.project === null ? record.name! : record.name!.slice(record.project.length + 1);
  if (record.project !== null) body.project = record.project;
  if (!record.holder.id.startsWith("project:")) body.holder = { id: record.holder.id };
  const services = record.project === null || random.chance(0.7) ? [last] : [last, random.pick(NAMES)];
  drawTerms(world, random, body);
  const { pool, excluded, ephemeral } = world.settings, project = record.project;
  if (services.length > 1 && services[0] !== services[1]) {
    body.services = services.map((name) => ({ name }));
    return grantPlan(world, random, body, services.map((name) => wishOf({ name }, project)));
  }
  body.name = last;
  if (random.chance(0.3)) body.hold = random.pick(["soft", "none"]);
  drawPlace(random, body, {
    weights: { any: 12, port: 1, prefer: 1, range: 3, os: 1 },
    pool,
    all: [...pool, ...excluded, ...ephemeral],
  });
  return grantPlan(world, random, body, [wishOf(body, project)]);
}

/** Asks for a port on which somebody listens, mostly. */
export function planInUse(world: World, random: Random): Plan | undefined {
  const keys = [...world.kernel.servers.keys()];
  if (keys.length === 0) return undefined;
  const [protocol, digits] = random.pick(keys).split(":");
  const port = random.chance(0.9) ? Number(digits) : random.pick(world.settings.pool);
  const number = world.book.operations.length;
  const body: Body = { port, inUse: true, labels: { op: String(number), team: random.pick(TEAMS) } };
  body.protocols = random.chance(0.3) ? ["tcp", "udp"] : [protocol];
  if (random.chance(0.3)) body.name = random.pick(NAMES);
  body.lifetime = drawLifetime(world, random);
  const plan = grantPlan(world, random, body, [wishOf(body, null)]);
  // The daemon finds the process itself.
  return { ...plan, hasToken: true, writes: new Map([...plan.writes!, ["pid", ANYTHING]]) };
}

/** Draws where the port is to be. */
function drawPlace(
  random: Random,
  body: Body,
  { weights, pool, all }: {
    readonly weights: Readonly<Record<"any" | "port" | "prefer" | "range" | "os", number>>;
    readonly pool: readonly number[];
    readonly all: readonly number[];
  },
): void {
  const where = random.weighted(weights);
  if (where === "port") body.port = random.pick(all);
  if (where === "prefer") body.prefer = [random.pick(all), random.pick(all)];
  if (where === "range") {
    const first = random.pick(pool);
    body.range = { first, last: Math.max(first, random.pick(all)) };
    if (random.chance(0.5)) body.range = { first, last: first + 1 };
  }
  if (where === "os") body.pool = "os";
}

function drawOne(world: World, random: Random, body: Body, mayBeNamed: boolean): WishedPort {
  const { shape, pool, excluded, ephemeral } = world.settings;
  if (mayBeNamed && random.chance(shape.named)) body.name = random.pick(NAMES);
  const all = [...pool, ...excluded, ...ephemeral, 8080];
  drawPlace(random, body, { weights: { any: 10, port: 3, prefer: 2, range: 2, os: 2 }, pool, all });
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

/** Draws lifetime, process, exposure and how long the client waits. */
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

/** Draws a lifetime that no other call asks for. */
export function drawLifetime(world: World, random: Random): Body {
  const mark = world.book.operations.length;
  switch (random.weighted({ pinned: 3, long: 4, short: 2, listener: 1 })) {
    case "pinned":
      return { kind: "pinned" };
    case "long":
      return { kind: "ttl", ttlMs: longTtl(world) };
    case "short":
      return { kind: "ttl", ttlMs: 5000 + mark };
    case "listener":
      return { kind: "listener", claimMs: 60_000 + mark, graceMs: 5000 };
  }
}

/** A time to live in which no sequence ends, and for which no other call asks. */
export function longTtl({ book }: World): number {
  return 365 * DAY_MS - 1000 - book.operations.length;
}

/** Draws an exposure that no other call asks for. */
export function drawExposure({ book }: World): { firewall: object; gateway: null } {
  const mark = book.operations.length;
  const remote = [`10.0.${mark >> 8}.${mark & 255}`];
  return { firewall: { direction: "in", profiles: ["private"], remote }, gateway: null };
}

function grantPlan(world: World, random: Random, body: Body, wishes: readonly WishedPort[]): Plan {
  const { shape, defaults } = world.settings;
  const hasToken = body.exposure === undefined ? random.chance(0.1) : random.chance(0.9);
  const { claimMs, graceMs } = defaults;
  const grant: AskedGrant = {
    wishes,
    contiguous: body.block !== undefined,
    waitMs: (body.waitMs as number | undefined) ?? 0,
    labels: body.labels as AskedGrant["labels"],
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
    writes: grantWrites(grant, { kind: "listener", claimMs, graceMs }, world.settings),
    ...(key === undefined ? {} : { key }),
  };
}

/** A grant for a live name changes less than one that makes a lease. Which of the two it is, only the answer shows. */
function grantWrites(grant: AskedGrant, standard: object, settings: Settings): Map<Field, Write> {
  const { labels, exposure, lifetime, pid } = grant;
  return new Map([
    ["labels", labels === undefined ? uncertain({}) : certain(labels)],
    ["hold", holdOf(grant, settings)],
    ["exposure", uncertain(exposure)],
    [
      "lifetime",
      lifetime?.kind === "ttl" || lifetime?.kind === "pinned" ? certain(lifetime) : uncertain(lifetime ?? standard),
    ],
    ["pid", uncertain(pid ?? null)],
  ]);
}

/** There is no hold for UDP alone, and none beyond the limit of holds. */
function holdOf({ wishes }: AskedGrant, { mostHolds }: Settings): Write {
  const { hold } = wishes[0]!;
  if (hold === "none") return certain("none");
  const isPossible = mostHolds > 1 && wishes.every(({ protocols }) => protocols.includes("tcp"));
  return hold === "soft" && isPossible ? certain("soft") : uncertain("soft", "none");
}

function wishOf(body: Body, project: string | null): WishedPort {
  const { name, port, prefer = [], range, pool = "default", protocols = ["tcp"], hold } = body as unknown as
    & Partial<Omit<WishedPort, "name">>
    & { readonly name?: string };
  const full = name === undefined ? null : project === null ? name : `${project}/${name}`;
  return { name: full, port, prefer, range, pool, protocols, hold };
}

/** The same call again, word for word: a client does this after no answer, or after an error. */
export function planRepeat(world: World, random: Random): Plan | undefined {
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
