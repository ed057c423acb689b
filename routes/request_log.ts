/**
 * One line for each request, where the log has the level `debug`. It has the template of the route: no path, no query and
 * no header of the caller's but the id of the request.
 */
import type { Services } from "../src/daemon/daemon.ts";
import type { WriteDetails } from "../src/log_line.ts";
import type { Route } from "./guard.ts";

/** What serves requests; the second argument has the address of the caller. */
export type Fetch = (request: Request, env?: object) => Response | Promise<Response>;

/** An id that a caller gives a request is written where it looks like one: a UUID is, and no secret of portd is so short. */
const REQUEST_ID = /^[\w.:-]{1,36}$/;
/** Callers may call any method. */
const LONGEST_METHOD = 20;

/** Writes the lines. */
export class RequestLog {
  readonly #details: WriteDetails;
  readonly #clock: Services["clock"];
  readonly #routes = new WeakMap<Request, string>();

  constructor({ clock }: Pick<Services, "clock">, details: WriteDetails) {
    this.#clock = clock;
    this.#details = details;
  }

  /** The handler, which leaves a note that it is the one that answers. @param route is the template of its path. */
  noting(handle: Route["handle"], route: string): Route["handle"] {
    return (context) => {
      this.#routes.set(context.req.raw, route);
      return handle(context);
    };
  }

  /** The server, with a line for each of its answers; for a stream when it begins. */
  over(fetch: Fetch): Fetch {
    return async (request, env) => {
      const startedAt = this.#clock.monotonic();
      const response = await fetch(request, env);
      this.#write(request, response, { ms: this.#clock.monotonic() - startedAt, env });
      return response;
    };
  }

  #write(
    request: Request,
    { status }: Response,
    { ms, env = {} }: { readonly ms: number; readonly env?: Partial<Deno.ServeHandlerInfo<Deno.NetAddr>> | undefined },
  ): void {
    const method = request.method.slice(0, LONGEST_METHOD), route = this.#routes.get(request) ?? "unmatched";
    const id = request.headers.get("x-request-id"), from = env.remoteAddr;
    this.#details(`${method} ${route} ${status}`, {
      method,
      route,
      status,
      ms: Math.round(ms * 1000) / 1000,
      ...(from !== undefined && { from: `${from.hostname}:${from.port}` }),
      ...(id !== null && REQUEST_ID.test(id) && { requestId: id }),
    });
  }
}
