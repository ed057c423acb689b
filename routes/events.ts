/** `GET /events`: server-sent events (HTML Living Standard, section 9.2) with replay. */
import type { Context } from "hono";
import { type Clock, isoInstant } from "../src/clock.ts";
import type { Services } from "../src/daemon/daemon.ts";
import type { DomainEvent, LoggedEvent } from "../src/lease/events.ts";
import { toLease } from "../src/lease/record.ts";
import { callerOf, countedUser } from "./caller.ts";
import { checkQuery } from "./check.ts";
import { EventReaders, type ReaderConnection } from "./event_readers.ts";
import type { Route } from "./guard.ts";
import { COMMON_HEADERS } from "./headers.ts";
import { EventsQuery } from "./schema.ts";

/** What the stream needs. */
type EventServices = Pick<
  Services,
  "events" | "clock" | "signal" | "counts" | "cutConnection" | "callers" | "guard" | "port"
>;

/** `GET /events`. */
export function eventRoutes(parts: EventServices): readonly Route[] {
  const { events, clock, signal, counts } = parts;
  const encoder = new TextEncoder();
  const encode = (event: LoggedEvent) => encoder.encode(format(events.idOf(event.number), event, clock));
  const readers = new EventReaders({ events, clock, signal, encode, counts: counts.readers });
  const does = "sends what happens to leases, as server-sent events";
  const handle = (context: Context) => stream(context, readers, parts);
  return [{ method: "GET", path: "/events", scope: "lease", does, handle }];
}

async function stream(context: Context, readers: EventReaders, parts: EventServices): Promise<Response> {
  const { lastEventId, ...wishes } = checkQuery(EventsQuery, context);
  const { method, headers } = context.req.raw;
  const lastId = headers.get("last-event-id") ?? lastEventId;
  const user = countedUser(await callerOf(context, "recall", parts));
  const connection = connectionOf(context, parts.cutConnection);
  const body = method === "HEAD" ? null : readers.open({ ...wishes, lastId, user, connection });
  return new Response(body, { headers: { ...COMMON_HEADERS, "content-type": "text/event-stream" } });
}

/** The connection of a request; `undefined` where it came over none. */
function connectionOf({ env }: Context, cut: Services["cutConnection"]): ReaderConnection | undefined {
  const { remoteAddr, completed } = (env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>;
  if (remoteAddr === undefined || completed === undefined) return undefined;
  // It rejects where the connection broke: that is an end too.
  return { cut: () => cut?.(remoteAddr), ended: completed.then(() => {}, () => {}) };
}

function format(id: string, { event, at }: LoggedEvent, clock: Clock): string {
  const data = { type: event.type, at: isoInstant(at), ...subjectOf(event, clock) };
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function subjectOf(event: DomainEvent, clock: Clock): object {
  if ("record" in event) return { lease: toLease(event.record, clock) };
  if ("listener" in event) return { listener: event.listener };
  const { type: _type, ...rule } = event;
  return rule;
}
