/** Reading a request's body: bounded in size and time, UTF-8, JSON. */
import type { Context } from "hono";
import { PortdError } from "../src/errors.ts";
import { BODY_LIMIT, tooLarge } from "./guard.ts";

/** How long a body may take to arrive, in milliseconds. */
export const BODY_TIMEOUT_MS = 10_000;

/** A body as it came and as it reads. */
export interface JsonBody {
  readonly text: string;
  readonly value: unknown;
}

/**
 * Reads the body as JSON.
 *
 * @throws {PortdError} `payload_too_large`, `request_timeout`, or `invalid_request` for what is not JSON in UTF-8.
 */
export async function readJson(context: Context): Promise<JsonBody> {
  const text = await readText(context.req.raw);
  // The decoder puts this in the place of what is not UTF-8; no field of a request may hold it.
  if (text.includes("\uFFFD")) throw notUtf8();
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    const reason = text.trim() === "" ? "it is empty" : (error as Error).message;
    throw new PortdError("invalid_request", `Cannot read the body as JSON: ${reason}`, { expected: "a JSON object" });
  }
}

async function readText(request: Request): Promise<string> {
  const isBounded = request.headers.has("content-length"); // by the guard
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(timedOut()), BODY_TIMEOUT_MS);
  try {
    return await Promise.race([isBounded ? request.text() : readAtMost(request), late]);
  } finally {
    clearTimeout(timer);
  }
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

function notUtf8(): PortdError {
  return new PortdError("invalid_request", "Cannot read the body: it is not UTF-8", { expected: "JSON in UTF-8" });
}

function timedOut(): PortdError {
  return new PortdError("request_timeout", `Cannot read the body: it did not arrive within ${BODY_TIMEOUT_MS} ms`);
}
