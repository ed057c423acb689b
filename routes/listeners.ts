/** `GET /listeners`: what `netstat -ano` shows, joined with leases. */
import { Buffer } from "node:buffer";
import type { Services } from "../src/daemon/daemon.ts";
import type { ListedSocket } from "../src/listener/listener.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { jsonText } from "./headers.ts";
import { ListenersQuery } from "./schema.ts";

/** `GET /listeners`. */
export function listenerRoutes({ listing }: Pick<Services, "listing">): readonly Route[] {
  return [{
    method: "GET",
    path: "/listeners",
    scope: "lease",
    does: "lists the sockets that listen, with their processes and leases",
    async handle(context) {
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
  return Buffer.concat(written);
}
