/** One call of the API. */
import type { Context } from "hono";
import type { Scope } from "./guard.ts";

/** A call with what it asks of its caller; the guard reads it before the handler runs. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/v1`. */
  readonly path: string;
  readonly scope: Scope;
  readonly handle: (context: Context) => Response | Promise<Response>;
}
