/**
 * One HTTP/1.1 request to the router, each on a connection of its own. Not `fetch`: that follows the proxy of the
 * environment, refuses answers that routers give, and takes no address with a zone (`fe80::1%eth0`).
 */
import { connect } from "node:net";
import { messageOf } from "../../errors.ts";
import { escapeControls } from "../../escape.ts";
import { withoutZone } from "../../os/address.ts";
import { abortable, startTimer } from "../../wait.ts";
import { GatewayError } from "../gateway.ts";
import { type HttpResponse, HttpResponseReader } from "./http_response.ts";

/** Where a document or a service of the router is. */
export interface Target {
  /** An IP address; a link-local one with its zone. */
  readonly address: string;
  readonly port: number;
  /** With the query, as it is sent. */
  readonly path: string;
}

/** A request. */
export interface HttpRequest {
  readonly target: Target;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Options of {@linkcode exchange}. */
export interface ExchangeOptions {
  /** The address of this host from which to ask. Without effect on a target that has a zone. */
  readonly localAddress: string;
  readonly signal?: AbortSignal | undefined;
  /** For all of it, in milliseconds. @default 5000 */
  readonly limitMs?: number;
}

/**
 * Sends a request and reads the answer. A redirection is an answer like others: it is not followed.
 *
 * @throws {GatewayError} `silent` where nothing answers in time, `failed` where the answer breaks the protocol or is
 * larger than it may be.
 * @throws the signal's reason.
 */
export async function exchange(request: HttpRequest, options: ExchangeOptions): Promise<HttpResponse> {
  const { signal, limitMs = 5000 } = options;
  signal?.throwIfAborted();
  const late = new AbortController();
  const stopTimer = startTimer(
    limitMs,
    () => late.abort(silent(request.target, `no whole answer came within ${limitMs} ms`)),
  );
  const ends = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
  try {
    return await exchangeUntil(request, options.localAddress, ends);
  } finally {
    stopTimer();
  }
}

async function exchangeUntil(request: HttpRequest, localAddress: string, ends: AbortSignal): Promise<HttpResponse> {
  const connection = dial(request.target, localAddress);
  const whole = answerOf(connection, request);
  whole.catch(() => {}); // closing the connection ends it, when nobody waits for it any more
  try {
    return await abortable(whole, ends);
  } catch (error) {
    if (ends.aborted || error instanceof GatewayError) throw error;
    throw silent(request.target, escapeControls(messageOf(error)).slice(0, 200), error);
  } finally {
    connection.close();
  }
}

async function answerOf(connection: Connection, request: HttpRequest): Promise<HttpResponse> {
  await connection.write(requestBytes(request));
  const reader = new HttpResponseReader();
  for await (const bytes of connection.chunks()) {
    if (reader.push(bytes)) break;
  }
  return reader.response();
}

/** The bytes of a request. The target's path and the headers are ours or were checked to have no controls. */
export function requestBytes({ target, method, headers = {}, body = "" }: HttpRequest): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const content = encoder.encode(body);
  const fields = { Host: hostOf(target), Connection: "close", ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = method === "POST" ? `Content-Length: ${content.length}\r\n` : "";
  const head = encoder.encode(`${method} ${target.path} HTTP/1.1\r\n${lines.join("")}${length}\r\n`);
  return new Uint8Array([...head, ...content]);
}

/** `Host` of a target: no zone, which means nothing to others (RFC 6874 section 4), and brackets around IPv6. */
export function hostOf({ address, port }: Target): string {
  const bare = withoutZone(address);
  return `${bare.includes(":") ? `[${bare}]` : bare}:${port}`;
}

/** A connection as it is needed here. */
interface Connection {
  write(bytes: Uint8Array): Promise<void>;
  chunks(): AsyncIterable<Uint8Array>;
  /** Also ends what waits for the connection. */
  close(): void;
}

function dial(target: Target, localAddress: string): Connection {
  return target.address.includes("%") ? dialZone(target) : dialFrom(target, localAddress);
}

/** Node's sockets take the address to connect from, which Deno's do not. Deno 2.4 leaves it to the system all the same. */
function dialFrom({ address, port }: Target, localAddress: string): Connection {
  const socket = connect({ host: address, port, localAddress, family: address.includes(":") ? 6 : 4 });
  socket.on("error", () => {}); // whoever writes or reads has it as well
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
  return {
    async write(bytes) {
      await connected;
      socket.write(bytes);
    },
    chunks: () => socket,
    close: () => socket.destroy(),
  };
}

/** Deno's sockets take a zone, which Node's do not; of a link-local address the system itself knows where to ask from. */
function dialZone({ address, port }: Target): Connection {
  const ends = new AbortController();
  const connected = Deno.connect({ hostname: address, port });
  connected.then(
    (socket) => ends.signal.aborted ? socket.close() : ends.signal.onabort = () => socket.close(),
    () => {},
  );
  return {
    async write(bytes) {
      const socket = await connected;
      for (let sent = 0; sent < bytes.length;) sent += await socket.write(bytes.subarray(sent));
    },
    async *chunks() {
      const socket = await connected, buffer = new Uint8Array(16 * 1024);
      for (let length; (length = await socket.read(buffer)) !== null;) yield buffer.slice(0, length);
    },
    close: () => ends.abort(),
  };
}

function silent(target: Target, why: string, cause?: unknown): GatewayError {
  return new GatewayError("silent", `The router does not answer by UPnP at ${hostOf(target)}: ${why}`, { cause });
}
