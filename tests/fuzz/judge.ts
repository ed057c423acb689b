/** What every answer must be like, whatever was asked. */
import { AssertionError } from "node:assert/strict";
import { type ErrorCode, STATUS_OF_CODE } from "../../src/errors.ts";
import { FORMATS } from "../../src/metrics/exposition.ts";
import { CONTRACT } from "../support/openapi/contract.ts";
import type { Answer } from "./connection.ts";
import type { WholeRequest } from "./request.ts";

const METRICS_TYPES: ReadonlySet<string> = new Set(Object.values(FORMATS));

/**
 * What is wrong with an answer; `undefined` when nothing is.
 *
 * @param mayBeBare whether the runtime may refuse with a bare status, as it does where the request is no HTTP.
 */
export function faultOf({ status, headers, body }: Answer, method: string, mayBeBare: boolean): string | undefined {
  const type = headers.get("content-type");
  if (status >= 200 && status < 300) {
    if (status === 204 || method === "HEAD" || type === "text/event-stream") return undefined;
    if (METRICS_TYPES.has(type ?? "")) return undefined;
    if (type !== "application/json") return `${status} with the content type ${type}`;
    return isJson(body) ? undefined : `${status} with a body that is no JSON`;
  }
  if (status < 400 || status > 599 || Number.isNaN(status)) return `the status ${status}`;
  if (mayBeBare && status < 500 && body === "") return undefined;
  if (type !== "application/problem+json") return `${status} with the content type ${type}`;
  return method === "HEAD" ? undefined : problemFault(status, body);
}

/**
 * Where the answer to a whole request is not as docs/openapi.json says; `undefined` where it is, and where the path is
 * none that could be described.
 */
export function contractFault(
  { method, path, body }: Pick<WholeRequest, "method" | "path" | "body">,
  { status, headers, body: text }: Answer,
): string | undefined {
  const url = `http://localhost${path.split("?", 1)}`; // some calls ignore parameters that they do not have
  if (!URL.canParse(url) || !/^\/[\w/@~+.-]*(?:\?|$)/.test(path) || /\/\.{1,2}(?:\/|$)/.test(path)) return undefined;
  const isEmpty = method === "HEAD" || headers.get("content-type") === "text/event-stream";
  const sent = body !== undefined && isJson(body) ? JSON.parse(body) : undefined;
  try {
    CONTRACT.check({ method, url, body: sent }, { status, headers, text: isEmpty ? "" : text });
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    return error.message;
  }
}

function problemFault(status: number, body: string): string | undefined {
  if (!isJson(body)) return `${status} with a body that is no JSON`;
  const problem = JSON.parse(body) as { readonly status: unknown; readonly code: ErrorCode; readonly detail: unknown };
  if (STATUS_OF_CODE[problem.code] !== status || problem.status !== status) {
    return `${status} with the code ${problem.code}`;
  }
  if (problem.code === "internal") return "500 internal";
  if (typeof problem.detail !== "string" || problem.detail === "") return `${status} without a detail`;
  if (/\n\s+at |\.ts:\d/.test(problem.detail)) return `${status} with a stack in its detail`;
  return undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
