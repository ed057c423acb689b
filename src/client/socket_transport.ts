/** Requests over plain sockets: what the CLI sends with. */
import { encodeRequest, exchange } from "./exchange.ts";
import { openSocket, type Socket } from "./socket.ts";
import type { Transport } from "./transport.ts";

/**
 * Requests over sockets, one connection each (`Connection: close`). Only for `http://` addresses. The peer proves that
 * it knows the token on the very connection that then carries it.
 *
 * @param opened is a connection that stands already; the first request goes over it.
 */
export function socketTransport(opened?: Socket): Transport {
  return async (request) => {
    const bytes = encodeRequest(request);
    let socket = opened ?? await openSocket(request.url);
    opened = undefined;
    if (request.headers.authorization !== undefined) {
      const { provenSocket }: typeof import("./proven_socket.ts") = await import("./proven_socket.ts");
      socket = await provenSocket(socket, request);
    }
    return await exchange(socket, request, bytes);
  };
}
