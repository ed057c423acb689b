/** Answers of HTTP/1.1 (RFC 9112), as routers write them. No I/O; total; everything is bounded. */
import { splitField } from "../../header_field.ts";
import { GatewayError } from "../gateway.ts";

/** An answer. */
export interface HttpResponse {
  readonly status: number;
  /** The type of its body in lower case, without parameters; empty where it names none. */
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** The largest body, in bytes. Descriptions have some 2 to 10 KB. */
export const LARGEST_BODY = 256 * 1024;

/** Everything before the body; and likewise the lines between the pieces of a body in pieces. */
const LARGEST_HEAD = 16 * 1024;

/** How the end of a body is known. */
type Framing = { readonly kind: "length"; readonly length: number } | { readonly kind: "chunks" | "close" };

interface Head {
  readonly status: number;
  readonly contentType: string;
  readonly framing: Framing;
}

/** Reads one answer from the bytes of a connection, in whatever pieces they come. */
export class HttpResponseReader {
  /** What has come and was not used yet. */
  #rest = new Uint8Array(0);
  #head: Head | undefined;
  /** Those of heads before the last one, of status 100 to 199, too. */
  #headBytes = 0;
  readonly #pieces: Uint8Array[] = [];
  #bodyBytes = 0;
  #chunkHeadBytes = 0;
  /** Bytes of the current chunk that are to come, its line end included; 0 between chunks. */
  #chunkLeft = 0;
  #isComplete = false;

  /** @returns whether the answer is complete. @throws {GatewayError} where it breaks the protocol or is too large. */
  push(bytes: Uint8Array): boolean {
    this.#rest = joined([this.#rest, bytes]);
    while (this.#head === undefined) {
      const end = headEnd(this.#rest);
      if (end === undefined) {
        this.#boundHead(this.#rest.length);
        return false;
      }
      this.#headBytes += end;
      this.#boundHead(0);
      const head = readHead(this.#take(end));
      if (head.status >= 200) this.#head = head;
    }
    this.#readBody(this.#head.framing);
    return this.#isComplete;
  }

  /** The answer, when it is complete or the connection has ended. @throws {GatewayError} where the answer has not. */
  response(): HttpResponse {
    if (this.#head === undefined) throw broken("the connection ended before its head did");
    if (!this.#isComplete && this.#head.framing.kind !== "close") throw broken("the connection ended before it did");
    const { status, contentType } = this.#head;
    return { status, contentType, body: joined(this.#pieces) };
  }

  #boundHead(more: number): void {
    if (this.#headBytes + more > LARGEST_HEAD) throw broken(`its head is longer than ${LARGEST_HEAD} bytes`);
  }

  #readBody(framing: Framing): void {
    if (framing.kind === "chunks") return this.#readChunks();
    const wanted = framing.kind === "length" ? framing.length - this.#bodyBytes : Infinity;
    this.#keep(this.#take(Math.min(wanted, this.#rest.length)));
    this.#isComplete = framing.kind === "length" && this.#bodyBytes === framing.length;
  }

  #readChunks(): void {
    while (!this.#isComplete && this.#rest.length > 0) {
      if (this.#chunkLeft > 0) {
        const part = this.#take(Math.min(this.#chunkLeft, this.#rest.length));
        this.#keep(part.subarray(0, Math.max(0, this.#chunkLeft - 2)));
        this.#chunkLeft -= part.length;
        continue;
      }
      const end = this.#rest.indexOf(0x0a);
      if ((end < 0 ? this.#rest.length : end) > 1024) throw broken("the line before a piece of it is too long");
      if (end < 0) return;
      this.#beginChunk(latin1(this.#take(end + 1)));
    }
  }

  #beginChunk(line: string): void {
    this.#chunkHeadBytes += line.length;
    if (this.#chunkHeadBytes > LARGEST_HEAD) throw broken("it comes in too many pieces");
    const [, size] = /^([\da-fA-F]{1,8})[ \t]*(?:;.*)?\r?\n$/.exec(line) ?? [];
    if (size === undefined) throw broken("the length of a piece of it is no number");
    const length = parseInt(size, 16);
    if (length > LARGEST_BODY) throw tooLarge();
    this.#isComplete = length === 0; // trailers are of no use
    this.#chunkLeft = length + 2;
  }

  #keep(part: Uint8Array): void {
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > LARGEST_BODY) throw tooLarge();
    if (part.length > 0) this.#pieces.push(part);
  }

  #take(length: number): Uint8Array {
    const part = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return part;
  }
}

/** Where the body begins: after an empty line, with or without the carriage returns that some routers leave out. */
function headEnd(bytes: Uint8Array): number | undefined {
  for (let i = bytes.indexOf(0x0a); i >= 0; i = bytes.indexOf(0x0a, i + 1)) {
    if (bytes[i + 1] === 0x0a) return i + 2;
    if (bytes[i + 1] === 0x0d && bytes[i + 2] === 0x0a) return i + 3;
  }
}

function readHead(bytes: Uint8Array): Head {
  const [first = "", ...lines] = latin1(bytes).split(/\r?\n/);
  const [, status] = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first) ?? [];
  if (status === undefined) throw broken("it does not begin as one");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const field = splitField(line);
    if (field !== undefined) fields.set(field.name.trimEnd().toLowerCase(), field.value);
  }
  const [type = ""] = (fields.get("content-type") ?? "").split(";");
  return { status: Number(status), contentType: type.trim().toLowerCase(), framing: framingOf(fields) };
}

function framingOf(fields: ReadonlyMap<string, string>): Framing {
  const encoding = fields.get("transfer-encoding")?.toLowerCase() ?? "identity";
  if (encoding === "chunked") return { kind: "chunks" };
  if (encoding !== "identity") throw broken("its transfer encoding is unknown");
  if (!["identity", ""].includes(fields.get("content-encoding")?.toLowerCase() ?? "")) {
    throw broken("it is compressed, which was not asked for");
  }
  const length = fields.get("content-length");
  if (length === undefined) return { kind: "close" };
  if (!/^\d{1,15}$/.test(length)) throw broken("its length is no number");
  if (Number(length) > LARGEST_BODY) throw tooLarge();
  return { kind: "length", length: Number(length) };
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function tooLarge(): GatewayError {
  return broken(`it is larger than ${LARGEST_BODY / 1024} KB`);
}

function broken(why: string): GatewayError {
  return new GatewayError("failed", `Cannot read the router's HTTP answer: ${why}`);
}
