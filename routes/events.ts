/** `GET /events`: server-sent events (HTML Living Standard, section 9.2) with replay. */
import type { Context } from "hono";
import type { Clock } from "../src/clock.ts";
import type { EventLog, LoggedEvent } from "../src/lease/events.ts";
import { isoInstant, toLease } from "../src/store/record.ts";
import { COMMON_HEADERS } from "./headers.ts";
import { checkQuery } from "./query.ts";
import { EventsQuery } from "./schema.ts";
import type { Route } from "./route.ts";

/** Events that a slow reader may be behind; beyond, it is cut off and may come again with Last-Event-ID. */
const LARGEST_BACKLOG = 5000;
const KEEP_ALIVE_MS = 15_000;

/** What these routes read. */
export interface EventRoutesParts {
  readonly events: EventLog;
  readonly clock: Clock;
  /** Ends every stream. */
  readonly signal: AbortSignal;
}

/** `GET /events`. */
export function eventRoutes(parts: EventRoutesParts): readonly Route[] {
  return [{ method: "GET", path: "/events", scope: "lease", handle: (context) => stream(context, parts) }];
}

function stream(context: Context, parts: EventRoutesParts): Response {
  const { lastEventId } = checkQuery(EventsQuery, context);
  const lastId = context.req.raw.headers.get("last-event-id") ?? lastEventId;
  const headers = { ...COMMON_HEADERS, "content-type": "text/event-stream" };
  return new Response(eventStream(parts, lastId), { headers });
}

/** A stream that begins with what was missed since `lastId`, or with `reset` where that cannot be had. */
export function eventStream({ events, clock, signal }: EventRoutesParts, lastId?: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stop = () => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      const sendEvent = (event: LoggedEvent) => send(format(events.idOf(event), event, clock));
      const end = () => {
        stop();
        controller.close();
      };
      const unsubscribe = events.subscribe((event) => {
        if (controller.desiredSize! < -LARGEST_BACKLOG) end();
        else sendEvent(event);
      });
      const timer = setInterval(() => send(": still here\n\n"), KEEP_ALIVE_MS);
      stop = () => {
        unsubscribe();
        clearInterval(timer);
        signal.removeEventListener("abort", end);
      };
      signal.addEventListener("abort", end);
      send("retry: 1000\n\n");
      const missed = lastId === undefined ? [] : events.since(lastId);
      if (missed === undefined) send('event: reset\ndata: {"type":"reset"}\n\n');
      for (const event of missed ?? []) sendEvent(event);
    },
    cancel() {
      stop();
    },
  });
}

function format(id: string, event: LoggedEvent, clock: Clock): string {
  const data = { type: event.type, at: isoInstant(event.at), ...subjectOf(event, clock) };
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function subjectOf(event: LoggedEvent, clock: Clock): object {
  if ("record" in event) return { lease: toLease(event.record, clock) };
  if ("listener" in event) return { listener: event.listener };
  const { type: _type, at: _at, number: _number, ...rule } = event;
  return rule;
}
