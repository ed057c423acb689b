/** Requests over plain sockets: what the CLI sends with. */
import { encodeRequest, exchange } from "./exchange.ts";
import { openSocket, type Socket } from "./socket.ts";
import type { Transport } from "./transport.ts";

/**
 * Requests over sockets, one connection for each (`Connection: close`). Only for `http://` addresses. The peer proves
 * that it knows the token on the same connection over which the token is then sent.
 *
 * @param opened is an open connection; the first request uses it.
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
