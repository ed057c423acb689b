/**
 * Reading one small HTTP/1.1 request (RFC 9112), and writing its answer. Deno's own server has no limit for the time of a
 * head or the number of connections, which a server on the internet needs. Only what a checker takes is understood.
 */
import { PortdError } from "../errors.ts";
import { splitField } from "../header_field.ts";

/** The largest head and the largest body, in bytes. */
export const MOST_HEAD_BYTES = 8192, MOST_BODY_BYTES = 1024;

/** Reads more bytes; null at the end. */
export type Read = (into: Uint8Array) => Promise<number | null>;

/** Where the request seems to have been sent; which name the caller has for the checker is of no use to it. */
const BASE = "http://checker";
/** What a field is made of (RFC 9110 sections 5.1 and 5.5). */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const HEAD_END = new TextEncoder().encode("\r\n\r\n");

/**
 * Reads a request.
 *
 * @returns `undefined` when the connection ends before it begins.
 * @throws {PortdError} `invalid_request` or `payload_too_large`.
 */
export async function readRequest(read: Read): Promise<Request | undefined> {
  const buffer = new Uint8Array(MOST_HEAD_BYTES + MOST_BODY_BYTES);
  let length = 0, end = -1;
  const fill = async (limit: number) => {
    const count = await read(buffer.subarray(length, limit));
    if (count !== null) length += count;
    return count !== null;
  };
  while (end === -1) {
    if (length === MOST_HEAD_BYTES) throw tooLarge("head", MOST_HEAD_BYTES);
    if (!await fill(MOST_HEAD_BYTES)) {
      if (length === 0) return undefined;
      throw invalid("it ends in its head");
    }
    end = indexOfHeadEnd(buffer.subarray(0, length));
  }
  const head = parseHead(new TextDecoder("latin1").decode(buffer.subarray(0, end)));
  const start = end + HEAD_END.length, bodyLength = bodyLengthOf(head.headers);
  while (length < start + bodyLength) if (!await fill(start + bodyLength)) throw invalid("it ends in its body");
  const { method, path, headers } = head;
  const body = bodyLength === 0 ? {} : { body: buffer.slice(start, start + bodyLength) };
  if (method === "GET" || method === "HEAD") return makeRequest(path, { method, headers });
  return makeRequest(path, { method, headers, ...body });
}

interface Head {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

function parseHead(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, path] = /^([A-Z]{1,20}) (\/[!-~]{0,1000}) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined) throw invalid("its first line is none of HTTP/1.1");
  const headers = new Headers();
  for (const line of lines) {
    const field = splitField(line);
    if (field === undefined || !NAME.test(field.name) || !VALUE.test(field.value)) {
      throw invalid("a line of its head is no header field");
    }
    headers.append(field.name, field.value);
  }
  return { method, path: path!, headers };
}

/** A body that does not say how long it is would have to be read to its end. */
function bodyLengthOf(headers: Headers): number {
  if (headers.has("transfer-encoding")) throw invalid("a body takes a Content-Length here");
  const text = headers.get("content-length") ?? "0";
  if (!/^\d{1,15}$/.test(text)) throw invalid("its Content-Length is no number");
  if (Number(text) > MOST_BODY_BYTES) throw tooLarge("body", MOST_BODY_BYTES);
  return Number(text);
}

function makeRequest(path: string, init: RequestInit): Request {
  try {
    return new Request(`${BASE}${path}`, init);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalid("its method or its path cannot be used"); // CONNECT and TRACE
  }
}

/** Where the empty line begins that ends a head; -1 without one. */
function indexOfHeadEnd(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(HEAD_END[0]!); at !== -1; at = bytes.indexOf(HEAD_END[0]!, at + 1)) {
    if (HEAD_END.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/** An answer as it is sent; the connection ends after it. */
export async function encodeResponse(
  response: Response,
  { hasBody }: { readonly hasBody: boolean },
): Promise<Uint8Array> {
  const body = new Uint8Array(await response.arrayBuffer());
  const fields = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const lines = [`HTTP/1.1 ${response.status} `, ...fields, `content-length: ${body.length}`, "connection: close"];
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  if (!hasBody) return head;
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

function invalid(reason: string): PortdError {
  return new PortdError("invalid_request", `Cannot read the request: ${reason}`);
}

function tooLarge(part: string, most: number): PortdError {
  const message = `Cannot read the ${part}: it is larger than ${most} bytes`;
  return new PortdError("payload_too_large", message, { expected: `at most ${most} bytes` });
}
