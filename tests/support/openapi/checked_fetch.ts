/** An application whose every exchange is checked against the document of the API. */
import { CONTRACT } from "./contract.ts";

/** Answers a request. @param body is what was sent, parsed, as far as the caller knows it. */
export type CheckedFetch = (request: Request, env?: object, body?: unknown) => Promise<Response>;

/** The same application, which fails where an exchange is not as docs/openapi.json says. Streams are not read. */
export function checkedFetch(
  fetch: (request: Request, env?: object) => Response | Promise<Response>,
): CheckedFetch {
  return async (request, env, body) => {
    const { method, url } = request;
    const response = await fetch(request, env);
    const { status, headers } = response;
    const isStream = headers.get("content-type") === "text/event-stream";
    const text = isStream ? "" : await response.clone().text();
    CONTRACT.check({ method, url, body }, { status, headers, text });
    return response;
  };
}
