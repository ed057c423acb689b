/** What no client should send: heads and bodies that are cut, wrong or endless, other protocols, and noise. */
import type { Random } from "../support/random.ts";
import { bytesOf, joined, makeRequest, type Target, type WholeRequest } from "./request.ts";

/** Bytes to send, and how the sender closes. */
export interface Malformed {
  readonly kind: string;
  /** Sent one after the other. */
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
  /** `half`: ends its half and reads to the end; `close`: closes at once; `read`: reads one answer, then closes. */
  readonly ending: "half" | "close" | "read";
}

const text = (value: string) => new TextEncoder().encode(value);

type Make = (random: Random, request: WholeRequest, target: Target) => Uint8Array<ArrayBuffer>[];

const KINDS: Readonly<Record<string, Make>> = {
  "cut anywhere": (random, request) => {
    const bytes = bytesOf(request);
    return [bytes.slice(0, random.int(0, bytes.length))];
  },
  "cut in the body": (random, request) => {
    const bytes = bytesOf({ ...request, body: request.body ?? "{}" });
    return [bytes.slice(0, bytes.length - random.int(1, 2))];
  },
  "bad chunks": (random, request) => {
    const chunks = [
      "zz\r\n{}\r\n0\r\n\r\n",
      "2\r\n{}",
      "-1\r\n",
      "ffffffffffffffff\r\n{",
      "2\r\n{}\r\n",
      "2;x=\r\n{}\r\n0\r\n",
      "0\r\nA: b\r\n",
    ];
    return [headOf(request, "Transfer-Encoding: chunked"), text(random.pick(chunks))];
  },
  "wrong length": (random, request) => {
    const lengths = ["-1", "1e3", "99999999999999999999", "65537", "9", "", "0x10", "2\r\nContent-Length: 3", " 2 "];
    return [headOf(request, `Content-Length: ${random.pick(lengths)}`), text("{}")];
  },
  "length and chunks": (_random, request) => [
    headOf(request, "Content-Length: 3\r\nTransfer-Encoding: chunked"),
    text("2\r\n{}\r\n0\r\n\r\n"),
  ],
  "huge header": (random, request) => [headOf(request, `X-Huge: ${"h".repeat(random.int(10_000, 300_000))}`)],
  "many headers": (random, request) => [
    headOf(request, Array.from({ length: random.int(90, 3000) }, (_, i) => `X-${i}: ${i}`).join("\r\n")),
  ],
  "endless line": (random) => [text(`GET /${"a".repeat(random.int(10_000, 200_000))}`)],
  "many at once": (random, _request, target) => [
    joined(Array.from({ length: random.int(2, 20) }, () => bytesOf(makeRequest(random, target)))),
  ],
  "a byte at a time": (_random, request) => [...bytesOf(request).slice(0, 400)].map((byte) => Uint8Array.of(byte)),
  "flipped bytes": (random, request) => {
    const bytes = bytesOf(request);
    for (let i = random.int(1, 8); i > 0; i--) {
      bytes[random.int(0, bytes.length - 1)] = random.pick([0, 10, 13, 32, 255]);
    }
    return [bytes];
  },
  "other versions": (random, request) => {
    const version = random.pick(["HTTP/1.0", "HTTP/0.9", "HTTP/9.9", "HTTP/2.0", "http/1.1", "", "HTTP/1.1 x"]);
    return [text(new TextDecoder().decode(bytesOf(request)).replace("HTTP/1.1", version))];
  },
  "other protocols": (random) => [
    random.pick([
      text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
      Uint8Array.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3),
      text("EHLO evil\r\n"),
      text("\r\n\r\n\r\n"),
    ]),
  ],
  "odd heads": (random, { path }) => {
    const lines = [
      `GET  ${path} HTTP/1.1`,
      `GET ${path}`,
      `GET http://evil/ HTTP/1.1`,
      "OPTIONS * HTTP/1.1",
      "CONNECT a:1 HTTP/1.1",
    ];
    const headers = [
      "Host: a\r\n b",
      "Host : a",
      "No colon",
      ": x",
      "Host: a\r\nHost: b",
      "X: \x01",
      "Expect: 100-continue",
    ];
    return [text(`${random.pick(lines)}\r\n${random.pick(headers)}\r\n\r\n`)];
  },
  "line feeds alone": (_random, request) => [text(new TextDecoder().decode(bytesOf(request)).replaceAll("\r\n", "\n"))],
  noise: (random) => [random.bytes(random.int(1, 2000))],
  nothing: () => [],
};

/** Makes something malformed. */
export function makeMalformed(random: Random, target: Target): Malformed {
  const kind = random.pick(Object.keys(KINDS));
  const parts = KINDS[kind]!(random, makeRequest(random, target), target);
  return { kind, parts, ending: random.pick(["half", "half", "close", "read"] as const) };
}

/** The head of a request with other headers about its body. */
function headOf({ path, headers }: WholeRequest, more: string): Uint8Array<ArrayBuffer> {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return text(`${[`POST ${path} HTTP/1.1`, ...lines, more].join("\r\n")}\r\n\r\n`);
}
