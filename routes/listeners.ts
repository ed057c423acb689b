/** `GET /listeners`: what `netstat -ano` shows, joined with leases. */
import type { Context } from "hono";
import type { ListedSocket } from "../src/listener/listener.ts";
import type { Listing } from "../src/watch/listing.ts";
import { jsonText } from "./headers.ts";
import { checkQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { ListenersQuery } from "./schema.ts";

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
      return jsonText(await bytesOf(listing.list(checkQuery(ListenersQuery, context))), 200);
    },
  }];
}

/** Written part by part, so that what has been written need not be kept. */
async function bytesOf(parts: AsyncIterable<readonly ListedSocket[]>): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const written: Uint8Array[] = [encoder.encode('{"listeners":[')];
  for await (const sockets of parts) {
    const text = JSON.stringify(sockets).slice(1, -1);
    if (text !== "") written.push(encoder.encode(written.length === 1 ? text : `,${text}`));
  }
  written.push(encoder.encode("]}"));
  return concat(written);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
