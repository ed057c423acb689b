/** `GET /leases`: the live leases, or the history. */
import type { Context } from "hono";
import { invalidField } from "../src/errors.ts";
import type { Registry } from "../src/lease/registry.ts";
import type { LeaseRecord } from "../src/store/record.ts";
import type { Store } from "../src/store/store.ts";
import { json } from "./headers.ts";
import { splitLabel } from "./leases.ts";
import { checkQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { ListQuery } from "./schema.ts";

const LARGEST_PAGE = 1000;

/** What these routes read. */
export interface ListRoutesParts {
  readonly registry: Registry;
  readonly store: Store;
}

/** `GET /leases`. */
export function listRoutes(parts: ListRoutesParts): readonly Route[] {
  return [{ method: "GET", path: "/leases", scope: "lease", handle: (context) => list(context, parts) }];
}

async function list(context: Context, { registry, store }: ListRoutesParts): Promise<Response> {
  const query = checkQuery(ListQuery, context);
  await registry.settled();
  const limit = query.limit ?? LARGEST_PAGE;
  const label = query.label === undefined ? undefined : splitLabel(query.label);
  const filter = { name: query.name, project: query.project, port: query.port, state: query.state, label };
  const page = query.ended === "true"
    ? store.history({ ...filter, limit: limit + 1, before: historyPlace(query.cursor) })
    : livePage(registry, filter, query.cursor ?? "").slice(0, limit + 1);
  const leases = page.slice(0, limit);
  const last = leases.at(-1);
  const next = page.length > limit && last !== undefined
    ? { next: query.ended === "true" ? `${last.endedAt}-${last.id}` : last.id }
    : {};
  return json({ leases: leases.map((record) => registry.present(record)), ...next });
}

interface LiveFilter {
  readonly name: string | undefined;
  readonly project: string | undefined;
  readonly port: number | undefined;
  readonly state: string | undefined;
  readonly label: readonly [string, string] | undefined;
}

function livePage(registry: Registry, filter: LiveFilter, after: string): LeaseRecord[] {
  const { name, project, port, state, label } = filter;
  const matches = (record: LeaseRecord) =>
    record.id > after &&
    (name === undefined || record.name === name || record.name?.endsWith(`/${name}`) === true) &&
    (project === undefined || record.project === project) &&
    (port === undefined || record.port === port) &&
    (state === undefined || record.state === state) &&
    (label === undefined || record.labels[label[0]] === label[1]);
  return [...registry.table.all()].filter(matches).sort((a, b) => a.id < b.id ? -1 : 1);
}

function historyPlace(cursor: string | undefined): { endedAt: number; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [, endedAt, id] = /^(\d{1,15})-([0-9A-Z]{26})$/.exec(cursor) ?? [];
  if (endedAt === undefined || id === undefined) throw invalidField("cursor", cursor, "the next of the page before");
  return { endedAt: Number(endedAt), id };
}
