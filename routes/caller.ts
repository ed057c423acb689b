/** Who calls. */
import type { Context } from "hono";

/**
 * A name for the caller: requests with one name are of one caller. Where the guard has let the request pass, a token
 * that was sent is the daemon's.
 */
export function callerKey({ req }: Context): string {
  return req.raw.headers.has("authorization") ? "token" : "unknown";
}
