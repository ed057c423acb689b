/**
 * Asking a checker on another machine (docs/checker.md). It dials the address from which it is asked, so the request
 * goes out directly, never through an HTTP proxy, and where it matters from the very address that is to be reached.
 */
import type { Buffer } from "node:buffer";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { CheckAnswer, CheckRequest } from "../checker/checker.ts";
import type { Family } from "../gateway/gateway.ts";
import { isPort, PROTOCOLS } from "../port/port.ts";

/** Where a checker is, and how it is asked. */
export interface AskCheckerOptions {
  /** Without a path. */
  readonly url: URL;
  /** By which family it is asked: that one is what it then dials. */
  readonly family: Family;
  /** The address of this machine from which it is asked. @default the system chooses */
  readonly localAddress?: string | undefined;
  readonly signal?: AbortSignal;
}

/** A checker that has not answered what it should. Its message is a sentence without full stop. */
export class CheckerError extends Error {
  override readonly name = "CheckerError";
}

/** What a checker's own address expects, for messages. */
export const CHECKER_URL_EXPECTED = "an address like http://check.example.org:7679";
/** The port of a checker where an http address names none; https has its own. */
const HTTP_PORT = 7679;
/** A check takes up to eight seconds. */
const LIMIT_MS = 25_000;
const MOST_ANSWER_BYTES = 16_384;
/** How many characters of a refusal are repeated. */
const LONGEST_DETAIL = 300;

/** Reads the address of a checker. @returns `undefined` for any other text. */
export function readCheckerUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s/?#@]+\/?$/.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

/**
 * Has a checker dial a port of this machine.
 *
 * @throws {CheckerError} when it cannot be reached, refuses, or answers what the protocol does not promise.
 */
export async function askChecker(request: CheckRequest, options: AskCheckerOptions): Promise<CheckAnswer> {
  const { status, body } = parseAnswer(await exchange(encode(request, options.url), options));
  if (status !== 200) throw refusal(status, body);
  if (!isCheckAnswer(body) || body.port !== request.port || body.protocol !== request.protocol) {
    throw new CheckerError("its answer is not that of a checker");
  }
  const { open, answered, outcome, address, port, protocol, elapsedMs } = body;
  return { open, answered, outcome, address, port, protocol, elapsedMs };
}

function encode(request: CheckRequest, { host }: URL): string {
  const body = JSON.stringify(request);
  const head = [
    "POST /v1/check HTTP/1.1",
    `Host: ${host}`,
    "Content-Type: application/json",
    `Content-Length: ${new TextEncoder().encode(body).length}`,
    "Accept: application/json",
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** Sends, and reads until the connection ends. */
function exchange(text: string, options: AskCheckerOptions): Promise<string> {
  const { signal = new AbortController().signal } = options;
  return new Promise((resolve, reject) => {
    const socket = open(options);
    const ended = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.destroy();
      settle();
    };
    const failed = (reason: string) => ended(() => reject(new CheckerError(reason)));
    const abort = () => ended(() => reject(signal.reason));
    const timer = setTimeout(() => failed(`it has not answered within ${LIMIT_MS / 1000} seconds`), LIMIT_MS);
    signal.addEventListener("abort", abort);
    let read = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: Buffer | string) => {
      read += part;
      if (read.length > MOST_ANSWER_BYTES) failed("its answer is too long");
    });
    socket.on("error", (error: Error) => failed(reasonOf(error)));
    socket.on("end", () => ended(() => resolve(read)));
    socket.on("close", () => ended(() => resolve(read)));
    if (signal.aborted) abort();
    else socket.write(text);
  });
}

/** @throws {CheckerError} where the checker's address is of the other family. */
function open({ url, family, localAddress }: AskCheckerOptions): Socket {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1"), isTls = url.protocol === "https:";
  const number = family === "ipv6" ? 6 : 4, literal = isIP(host);
  if (literal !== 0 && literal !== number) {
    throw new CheckerError(`it has an address of IPv${literal}, and IPv${number} is to be proven`);
  }
  const port = Number(url.port) || (isTls ? 443 : HTTP_PORT);
  const from = localAddress === undefined ? {} : { localAddress };
  if (!isTls) return connect({ host, port, family: number, ...from });
  return connectTls({ host, port, family: number, ...(literal === 0 && { servername: host }), ...from } as object);
}

interface RawAnswer {
  readonly status: number;
  readonly body: unknown;
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? NaN);
  if (end === -1 || Number.isNaN(status)) throw new CheckerError("what answers there is no checker");
  try {
    return { status, body: JSON.parse(text.slice(end + 4)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CheckerError(`what answers there is no checker (HTTP ${status})`);
  }
}

function refusal(status: number, body: unknown): CheckerError {
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : undefined;
  const text = typeof detail === "string" ? detail.slice(0, LONGEST_DETAIL) : "it gives no reason";
  return new CheckerError(`it refuses (HTTP ${status}): ${text}`);
}

const OUTCOMES: readonly unknown[] = ["open", "refused", "silent", "unreachable"] satisfies CheckAnswer["outcome"][];

function isCheckAnswer(value: unknown): value is CheckAnswer {
  if (typeof value !== "object" || value === null) return false;
  const { open, answered, outcome, address, port, protocol, elapsedMs } = value as Record<string, unknown>;
  return typeof open === "boolean" && typeof answered === "boolean" && OUTCOMES.includes(outcome) &&
    open === (outcome === "open") && (open || !answered) && typeof address === "string" && isIP(address) !== 0 &&
    isPort(port) && PROTOCOLS.some((each) => each === protocol) && Number.isInteger(elapsedMs) &&
    Number(elapsedMs) >= 0;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was broken",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EADDRNOTAVAIL: "this machine does not have the address from which to ask",
  ENOTFOUND: "there is no host of this name, or none with an address of this family",
  EAI_AGAIN: "there is no host of this name, or no name server answers",
};

function reasonOf(error: Error): string {
  return ("code" in error ? REASONS[String(error.code)] : undefined) ?? error.message;
}
