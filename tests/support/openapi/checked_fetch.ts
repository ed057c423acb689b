/** An application whose every exchange is checked against the document of the API. */
import { CONTRACT } from "./contract.ts";

/** Answers a request. @param body is what was sent, parsed, as far as the caller knows it. */
export type CheckedFetch = (request: Request, env?: object, body?: unknown) => Promise<Response>;

/**
 * The same application, which fails where an exchange is not as docs/openapi.json says. Of a stream the messages are
 * checked when they are read.
 *
 * @param onFault gets what is wrong. @default throws it
 */
export function checkedFetch(
  fetch: (request: Request, env?: object) => Response | Promise<Response>,
  onFault: (fault: Error) => void = raise,
): CheckedFetch {
  return async (request, env, body) => {
    const { method, url } = request;
    const response = await fetch(request, env);
    const { status, headers } = response;
    const isStream = headers.get("content-type") === "text/event-stream";
    const text = isStream ? "" : await response.clone().text();
    watching(onFault, () => CONTRACT.check({ method, url, body }, { status, headers, text }));
    if (!isStream || response.body === null) return response;
    return new Response(checkedMessages(response.body, onFault), { status, headers });
  };
}

/** The same pieces, each read when it is asked for. A piece has whole messages. */
function checkedMessages(
  body: ReadableStream<Uint8Array>,
  onFault: (fault: Error) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      for (const [, data] of new TextDecoder().decode(value).matchAll(/^data: (.*)$/gm)) {
        watching(onFault, () => CONTRACT.checkNamed("an event", "Event", JSON.parse(data!)));
      }
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function watching(onFault: (fault: Error) => void, check: () => void): void {
  try {
    check();
  } catch (error) {
    onFault(error as Error);
  }
}

function raise(fault: Error): never {
  throw fault;
}
