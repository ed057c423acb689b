/** Reading a request's body: bounded in size and time, UTF-8, JSON. */
import type { Context } from "hono";
import type { z } from "zod";
import { Deadlines } from "../src/deadlines.ts";
import { PortdError } from "../src/errors.ts";
import { check } from "./check.ts";
import { BODY_LIMIT, tooLarge } from "./guard.ts";

/** How long a body may take to arrive, in milliseconds. */
export const BODY_TIMEOUT_MS = 10_000;

/** Shared by all bodies of the process. */
const DEADLINES = new Deadlines(BODY_TIMEOUT_MS);

/** No timer is left behind once the bodies that are on their way have arrived: the daemon stops. */
export function restBodyTimer(): void {
  DEADLINES.rest();
}

/** Reads the body and checks it against a schema. @throws {PortdError} as {@linkcode readJson} and {@linkcode check}. */
export async function checkBody<T extends z.ZodType>(schema: T, context: Context): Promise<z.output<T>> {
  return check(schema, (await readJson(context)).value);
}

/**
 * Reads the body as JSON, and as it came. An empty one counts as `{}`.
 *
 * @throws {PortdError} `payload_too_large`, `request_timeout`, or `invalid_request` for a body that does not arrive
 * whole and for what is not JSON in UTF-8.
 */
export async function readJson(context: Context): Promise<{ readonly text: string; readonly value: unknown }> {
  const text = await readInTime(context.req.raw, DEADLINES);
  // The decoder puts this instead of what is not UTF-8; no field of a request may hold it.
  if (text.includes("\uFFFD")) {
    throw new PortdError("invalid_request", "Cannot read the body: it is not UTF-8", { expected: "JSON in UTF-8" });
  }
  if (text.trim() === "") return { text: "{}", value: {} };
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    const message = `Cannot read the body as JSON: ${(error as Error).message}`;
    throw new PortdError("invalid_request", message, { expected: "a JSON object" });
  }
}

/**
 * Reads the body as text.
 *
 * @throws {PortdError} `payload_too_large`, `request_timeout`, or `invalid_request` when it does not arrive whole.
 */
export function readInTime(request: Request, deadlines: Deadlines): Promise<string> {
  // Bounded by the guard. `has` would make Deno read all headers.
  const isBounded = request.headers.get("content-length") !== null;
  const reading = isBounded ? request.text() : readAtMost(request);
  return new Promise((resolve, reject) => {
    const deadline = deadlines.add(() => reject(timedOut()));
    reading.then(
      (text) => {
        deadlines.remove(deadline);
        resolve(text);
      },
      (error) => {
        deadlines.remove(deadline);
        reject(error instanceof PortdError ? error : broken(error));
      },
    );
  });
}

/** Reads a body that does not say how long it is, as far as the limit. */
async function readAtMost(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "", length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > BODY_LIMIT) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The client left in the middle of the body, or its chunks are malformed: whatever the runtime throws says so. */
function broken(cause: unknown): PortdError {
  const message = "Cannot read the body: it did not arrive whole";
  return new PortdError("invalid_request", message, { expected: "as many bytes as the headers announce" }, { cause });
}

function timedOut(): PortdError {
  return new PortdError("request_timeout", `Cannot read the body: it did not arrive within ${BODY_TIMEOUT_MS} ms`);
}
