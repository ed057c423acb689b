/** One call of the API, from the request to the checked answer. client.ts says which calls there are. */
import { type ErrorCode, PortdError, STATUS_OF_CODE } from "../errors.ts";
import type { Protocol } from "../port/port.ts";
import type { Shape } from "./shape.ts";
import { type ApiAnswer, type ApiRequest, NotPortdError, type Transport, UnusableAnswerError } from "./transport.ts";
import type { EventsFilter, Problem } from "./wire.ts";

/** Options of one call. */
export interface CallOptions {
  /** Ends the call; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A request, and what its answer must be. */
export interface Call<T> extends CallOptions {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/v1`. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Added to the client's own limit, in milliseconds. */
  readonly extraMs?: number;
  /** Used instead of the client's own limit when it is shorter, in milliseconds. */
  readonly limitMs?: number;
  /** What the answer must be; called when the request has been sent. */
  readonly shape: () => Promise<Shape<T>>;
  /** How many bytes the answer has at most. @default 1 MiB */
  readonly mostBytes?: number;
}

/** For a document about one thing. */
const MOST_DOCUMENT_BYTES = 1 << 20;
/** A longer timer of JavaScript would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The shapes that every client needs, loaded while the daemon works. A computed specifier would need `--allow-read`. */
export const leaseShapes = () => import("./shape.ts");

/** Where calls go. */
export interface CallsParts {
  /** Base address, without `/v1`. */
  readonly url: string;
  readonly token: string | undefined;
  readonly transport: Transport;
  readonly timeoutMs: number;
}

/** Sends calls to one daemon, and checks its answers. */
export class Calls {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #transport: Transport;
  readonly #timeoutMs: number;

  constructor({ url, token, transport, timeoutMs }: CallsParts) {
    this.#url = url;
    this.#token = token;
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
  }

  /** Opens the stream of events. */
  async openEvents({ lastEventId, ...wishes }: EventsFilter, signal: AbortSignal): Promise<ApiAnswer> {
    const headers = {
      ...this.#headers(),
      accept: "text/event-stream",
      ...(lastEventId && { "last-event-id": lastEventId }),
    };
    const url = `${this.#url}/v1/events${queryOf(wishes)}`;
    const answer = await this.#transport({ method: "GET", url, headers, signal, headMs: this.#timeoutMs });
    if (answer.status !== 200) throw await this.#refusal(answer);
    if (answer.mediaType !== "text/event-stream") {
      throw this.notPortd(`the answer is ${answer.mediaType || "untyped"}`);
    }
    return answer;
  }

  /** The answer, checked. */
  async json<T>(call: Call<T>): Promise<T> {
    return (await this.read(call)).value;
  }

  /** The answer to a GET, checked. */
  async get<T>(path: string, shape: Call<T>["shape"], rest: Partial<Omit<Call<T>, "method">> = {}): Promise<T> {
    return await this.json({ ...rest, method: "GET", path, shape });
  }

  /** The answer, checked, with its approximate length in bytes. */
  async read<T>({ shape, mostBytes = MOST_DOCUMENT_BYTES, ...call }: Call<T>): Promise<Sized<T>> {
    const [answer, { faultOf }] = await Promise.all([this.send(call), shape()]);
    const read = await readJson(answer, { mediaType: "application/json", mostBytes });
    if (read === undefined) {
      throw this.notPortd(`the answer is ${answer.mediaType || "untyped"} and not a JSON document`);
    }
    const fault = faultOf(read.value);
    if (fault !== undefined) throw this.unusable((await leaseShapes()).describeFault(fault, "it"));
    return { value: read.value as T, bytes: read.bytes };
  }

  /** An answer of status 2xx, unread. */
  async send(
    { method, path, body, headers = {}, signal, extraMs = 0, limitMs = Infinity }: Omit<Call<unknown>, "shape">,
  ): Promise<ApiAnswer> {
    const type: ApiRequest["headers"] = method === "GET" ? {} : { "content-type": "application/json" };
    const answer = await this.#transport({
      method,
      url: `${this.#url}/v1${path}`,
      headers: { ...this.#headers(), ...type, ...headers },
      signal,
      timeoutMs: Math.max(0, Math.min(this.#timeoutMs + extraMs, limitMs, LONGEST_TIMER_MS)),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw await this.#refusal(answer);
  }

  #headers(): Record<string, string> {
    const accept = { accept: "application/json" };
    return this.#token === undefined ? accept : { ...accept, authorization: `Bearer ${this.#token}` };
  }

  async #refusal(answer: ApiAnswer): Promise<Error> {
    const limits = { mediaType: "application/problem+json", mostBytes: MOST_DOCUMENT_BYTES };
    const problem = (await readJson(answer, limits))?.value;
    const { PROBLEM } = await leaseShapes();
    if (PROBLEM.faultOf(problem) !== undefined) return this.notPortd(`the answer is HTTP ${answer.status}`);
    const { type: _type, title, status: _status, detail, instance: _instance, code, ...data } = problem as Problem;
    const message = detail ?? title ?? `HTTP ${answer.status}`;
    if (Object.hasOwn(STATUS_OF_CODE, code)) return new PortdError(code as ErrorCode, message, data);
    // This version does not know the code: the daemon is newer.
    return new PortdError("internal", message, { ...data, unknownCode: code });
  }

  /** The error when what answers is not portd. */
  notPortd(reason: string): NotPortdError {
    const message = `Cannot talk to portd at ${this.#url}: something else answers there (${reason})`;
    return new NotPortdError(message, { origin: this.#url });
  }

  /** The error when portd answers what the API does not promise. */
  unusable(reason: string): UnusableAnswerError {
    return new UnusableAnswerError(this.#url, reason);
  }
}

/** A value with the approximate length of its text in bytes. */
export interface Sized<T> {
  readonly value: T;
  readonly bytes: number;
}

/** The body as a JSON object; `undefined` when it has another type or is not an object. */
async function readJson(
  answer: ApiAnswer,
  { mediaType, mostBytes }: { readonly mediaType: string; readonly mostBytes: number },
): Promise<Sized<unknown> | undefined> {
  if (answer.mediaType !== mediaType) {
    await answer.cancel();
    return undefined;
  }
  const body = await answer.text(mostBytes);
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { value, bytes: body.length } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A lease by its id, by its full name (`project/name`, or `name`), or by its port (of any protocol by default). */
export type LeaseRef =
  | string
  | { readonly name: string }
  | { readonly port: number; readonly protocol?: Protocol };

/** The path of a lease below `/v1`, with the action (`/renew`) at its end. */
export function pathOf(ref: LeaseRef, action = ""): string {
  if (typeof ref === "string") return `/leases/${encodeURIComponent(ref)}${action}`;
  if ("port" in ref) return `/leases/by-port/${ref.port}${action}${queryOf({ protocol: ref.protocol })}`;
  const slash = ref.name.lastIndexOf("/");
  const parts = slash === -1 ? [ref.name] : [ref.name.slice(0, slash), ref.name.slice(slash + 1)];
  return `/leases/by-name/${parts.map(encodeURIComponent).join("/")}${action}`;
}

/** A filter as the query of an address, with its question mark; what is undefined is left out. */
export function queryOf(filter: object): string {
  const fields = Object.entries(filter).filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${field}=${encodeURIComponent(String(value))}`);
  return fields.length === 0 ? "" : `?${fields.join("&")}`;
}
