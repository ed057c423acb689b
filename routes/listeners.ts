/** `GET /listeners`: what `netstat -ano` shows, joined with leases. */
import type { Context } from "hono";
import type { ListedSocket, Listing } from "../src/listener/listing.ts";
import { Turns } from "../src/turns.ts";
import { jsonText } from "./headers.ts";
import type { Route } from "./route.ts";
import { check, ListenersQuery } from "./schema.ts";

const SOCKETS_A_PART = 100;

/** What these routes read. */
export interface ListenerRoutesParts {
  readonly listing: Listing;
}

/** `GET /listeners`. */
export function listenerRoutes({ listing }: ListenerRoutesParts): readonly Route[] {
  return [{
    method: "GET",
    path: "/listeners",
    scope: "lease",
    async handle(context: Context) {
      const { connections, ...filter } = check(ListenersQuery, context.req.query());
      const sockets = await listing.list({ ...filter, connections: connections === "true" });
      return jsonText(await bytesOf(sockets), 200);
    },
  }];
}

/** There may be tens of thousands: they are written a turn of the event loop at a time. */
async function bytesOf(sockets: readonly ListedSocket[]): Promise<Uint8Array<ArrayBuffer>> {
  const turns = new Turns();
  const encoder = new TextEncoder();
  const parts: Uint8Array<ArrayBuffer>[] = [encoder.encode('{"listeners":[')];
  for (let at = 0; at < sockets.length; at += SOCKETS_A_PART) {
    const texts = sockets.slice(at, at + SOCKETS_A_PART).map((socket) => JSON.stringify(socket));
    parts.push(encoder.encode(`${at === 0 ? "" : ","}${texts.join()}`));
    if (turns.isOver) await turns.next();
  }
  parts.push(encoder.encode("]}"));
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
