/** Errors as RFC 9457 problem documents: the one place where an error becomes a response. */
import { type ErrorCode, PortdError, STATUS_OF_CODE } from "../src/errors.ts";
import type { WriteLine } from "../src/log_line.ts";
import { COMMON_HEADERS } from "./headers.ts";

/** Answers with an error, as {@linkcode problemOf} has it. */
export function problemResponse(error: unknown, request: Request, log: WriteLine): Response {
  return respond(problemOf(error, request, log));
}

/**
 * The problem that a caller is told of. Any error that is not a {@linkcode PortdError} is a fault of portd: it is logged, and the client
 * gets no details. If the work ended because the client closed the connection, nothing is logged: nobody reads the answer.
 */
export function problemOf(error: unknown, request: Request, log: WriteLine): PortdError {
  if (error instanceof PortdError) return error;
  if (isDisconnect(error, request)) {
    return new PortdError("invalid_request", "Cannot answer: the client has closed the connection");
  }
  log(`internal error: ${(error as Error)?.stack ?? error}`, "error");
  return new PortdError("internal", "Cannot answer because of an error in portd; its log has the details");
}

/** Whether the error is the reason with which the runtime aborts the request's signal when the client disconnects. */
function isDisconnect(error: unknown, { signal }: Request): boolean {
  return signal.aborted && error === signal.reason;
}

/** The problem as a document. */
export function respond({ code, status, message, data }: PortdError): Response {
  const { retryAfter, ...members } = data;
  const document = { ...headOf(code), detail: message, ...members };
  const headers = new Headers({ ...COMMON_HEADERS, "content-type": "application/problem+json" });
  if (retryAfter !== undefined) headers.set("retry-after", String(retryAfter));
  if (status === 401) headers.set("www-authenticate", "Bearer");
  if (Array.isArray(members.allow)) headers.set("allow", members.allow.join(", "));
  return new Response(JSON.stringify(document), { status, headers });
}

/** The members of RFC 9457 that every document of a code has, with the code itself. */
export function headOf(code: ErrorCode) {
  return { type: `urn:portd:problem:${code}`, title: titleOf(code), status: STATUS_OF_CODE[code], code };
}

/** `port_in_use` → `Port in use`. */
function titleOf(code: string): string {
  const words = code.replaceAll("_", " ");
  return words[0]!.toUpperCase() + words.slice(1);
}
