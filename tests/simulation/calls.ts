/** The calls of clients, planned for the world as it is. */
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { Random } from "../support/random.ts";
import {
  type Body,
  drawExposure,
  drawLifetime,
  longTtl,
  planAgain,
  planGrant,
  planInUse,
  planRepeat,
  TEAMS,
} from "./grant_calls.ts";
import { certain, type Field, type Plan, type Target, uncertain, type Write } from "./operation.ts";
import type { CallKind } from "./settings.ts";
import type { World } from "./world.ts";

const ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Draws a call of one kind; `undefined` where the world has nothing yet that it could be about. */
export function planCall(kind: CallKind, world: World, random: Random): Plan | undefined {
  return PLANNERS[kind](world, random);
}

type Planner = (world: World, random: Random) => Plan | undefined;

const PLANNERS: Readonly<Record<CallKind, Planner>> = {
  grant: planGrant,
  again: planAgain,
  "in use": planInUse,
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
  const lifetime = { kind: "ttl", ttlMs: longTtl(world) };
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
  return {
    words: `import ${leases.map(({ port, name }) => `${port} ${name}`).join(", ")}`,
    method: "POST",
    path: "/v1/import",
    body: JSON.stringify({ version: 1, leases }),
    hasToken: true,
    imported: ids,
    writes: new Map<Field, Write>([
      ["labels", uncertain(labels)],
      ["exposure", uncertain(null)],
      ["lifetime", uncertain({ kind: "pinned" })],
      ["pid", uncertain(null)],
      ["hold", uncertain("soft", "none")],
    ]),
  };
}
