/** `GET /leases`: the live leases, or the history. */
import type { Context } from "hono";
import type { Services } from "../src/daemon/daemon.ts";
import { invalidField, type PortdError } from "../src/errors.ts";
import type { LeaseRecord } from "../src/lease/record.ts";
import type { Registry } from "../src/lease/registry.ts";
import type { HistoryFilter, HistoryPlace, Store } from "../src/lease/store/store.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { jsonText } from "./headers.ts";
import { splitLabel } from "./leases.ts";
import { ListQuery } from "./schema.ts";

/** The limit where none is asked for, and the highest. */
const LARGEST_PAGE = 1000;
/** In characters. A page ends with the lease that reaches this length, so it can be a little longer. */
const FULL_LENGTH = 1_000_000;

type ListRoutesParts = Pick<Services, "registry" | "store">;

/** `GET /leases`. */
export function listRoutes(parts: ListRoutesParts): readonly Route[] {
  const does = "lists the live leases, with ?ended=true the history";
  return [{ method: "GET", path: "/leases", scope: "lease", does, handle: (context) => list(context, parts) }];
}

async function list(context: Context, { registry, store }: ListRoutesParts): Promise<Response> {
  const query = checkQuery(ListQuery, context);
  const limit = query.limit ?? LARGEST_PAGE;
  const label = query.label === undefined ? undefined : splitLabel(query.label);
  const filter = { name: query.name, project: query.project, port: query.port, state: query.state, label, limit };
  const page = query.ended === true
    ? await historyPage(store, { ...filter, before: historyPlace(query.cursor) }, context.req.raw.signal)
    : livePage(registry, filter, livePlace(query.cursor));
  return pageOf(page, registry);
}

interface Page {
  readonly records: readonly LeaseRecord[];
  /** The cursor of the next page; null on the last one. */
  readonly next: string | null;
  /** The cursor of the page that begins after a lease. */
  readonly cursorOf: (record: LeaseRecord) => string;
}

/** Answers with the page; if its text reaches {@linkcode FULL_LENGTH} before the last lease, the next page goes on there. */
function pageOf({ records, next, cursorOf }: Page, registry: Registry): Response {
  const texts: string[] = [];
  let length = 0, end = next;
  for (const [i, record] of records.entries()) {
    const text = JSON.stringify(registry.present(record));
    texts.push(text);
    length += text.length;
    if (length < FULL_LENGTH || i === records.length - 1) continue;
    end = cursorOf(record);
    break;
  }
  return jsonText(`{"leases":[${texts.join(",")}]${end === null ? "" : `,"next":${JSON.stringify(end)}`}}`, 200);
}

async function historyPage(store: Store, filter: HistoryFilter, signal: AbortSignal): Promise<Page> {
  await store.settled();
  const { records, next } = await store.history(filter, signal);
  const cursorOf = ({ endedAt, id }: Pick<LeaseRecord, "endedAt" | "id">) => `${endedAt}-${id}`;
  return { records, next: next && cursorOf(next), cursorOf };
}

function livePage(registry: Registry, filter: HistoryFilter, after: string): Page {
  const { name, project, port, state, label, limit } = filter;
  const matches = (record: LeaseRecord) =>
    record.id > after &&
    (name === undefined || record.name === name || record.name?.endsWith(`/${name}`) === true) &&
    (project === undefined || record.project === project) &&
    (port === undefined || record.port === port) &&
    (state === undefined || record.state === state) &&
    (label === undefined || record.labels[label[0]] === label[1]);
  const found = [...registry.written()].filter(matches).sort((a, b) => a.id < b.id ? -1 : 1);
  const next = found.length > limit ? found[limit - 1]!.id : null;
  return { records: found.slice(0, limit), next, cursorOf: ({ id }) => id };
}

function livePlace(cursor = ""): string {
  if (!/^(?:[0-9A-Z]{26})?$/.test(cursor)) throw noCursor(cursor);
  return cursor;
}

function noCursor(cursor: string): PortdError {
  return invalidField("cursor", cursor, "the `next` of the previous answer");
}

function historyPlace(cursor: string | undefined): HistoryPlace | undefined {
  if (cursor === undefined) return undefined;
  const [, endedAt, id] = /^(\d{1,15})-([0-9A-Z]{26})$/.exec(cursor) ?? [];
  if (endedAt === undefined || id === undefined) throw noCursor(cursor);
  return { endedAt: Number(endedAt), id };
}
