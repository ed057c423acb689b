import assert from "node:assert/strict";
import fc from "fast-check";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { type HttpResponse, HttpResponseReader, LARGEST_BODY } from "../../../src/gateway/upnp/http_response.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The answer in these pieces, after which the connection ends; and whether it was complete before that. */
function read(...pieces: readonly (string | Uint8Array)[]): HttpResponse & { readonly isComplete: boolean } {
  const reader = new HttpResponseReader();
  const isComplete = pieces.some((piece) => reader.push(typeof piece === "string" ? bytesOf(piece) : piece));
  return { ...reader.response(), isComplete };
}

function refuses(reason: RegExp, ...pieces: readonly string[]): void {
  assert.throws(() => read(...pieces), (error) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.fault, "failed");
    assert.match(error.message, reason);
    return true;
  });
}

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: Text/XML; charset=utf-8\r\n";

Deno.test("an answer ends by its length, its last chunk, or the connection", () => {
  const xml = { status: 200, contentType: "text/xml", body: bytesOf("<a/>") };
  assert.deepEqual(read(`${HEAD}Content-Length: 4\r\n\r\n<a/>and more`), { ...xml, isComplete: true });
  assert.deepEqual(read(`${HEAD}\r\n<a/>`), { ...xml, isComplete: false });
  const chunked = `${HEAD}Transfer-Encoding: Chunked\r\n\r\n2;name=value\r\n<a\r\n02\r\n/>\r\n0\r\nTrailer: x\r\n\r\n`;
  assert.deepEqual(read(chunked), { ...xml, isComplete: true });
  assert.deepEqual(read("HTTP/1.0 500\n\n"), { status: 500, contentType: "", body: bytesOf(""), isComplete: false });
});

Deno.test("lines may end without a carriage return, as some routers write them", () => {
  assert.deepEqual(read("HTTP/1.1 404 Not Found\nContent-Length : 1\n\nx").status, 404);
  assert.deepEqual(read("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\r\n0\r\n\r\n").body, bytesOf("x"));
});

Deno.test("interim answers are skipped, and so many that nothing else would come are refused", () => {
  const interim = "HTTP/1.1 100 Continue\r\n\r\n";
  assert.equal(read(interim.repeat(3), `${HEAD}Content-Length: 0\r\n\r\n`).status, 200);
  refuses(/head is longer/, ...Array(2000).fill(interim));
});

Deno.test("what is larger than it may be is refused as soon as that is known", () => {
  refuses(/larger than 256 KB/, `${HEAD}Content-Length: ${LARGEST_BODY + 1}\r\n\r\n`);
  refuses(/larger than 256 KB/, `${HEAD}Content-Length: 999999999999999\r\n\r\n`);
  refuses(/larger than 256 KB/, `${HEAD}Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n`);
  refuses(
    /larger than 256 KB/,
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    ...Array(5).fill(`10000\r\n${"x".repeat(65536)}\r\n`),
  );
  refuses(/larger than 256 KB/, `${HEAD}\r\n`, ...Array(10).fill("x".repeat(65536)));
  refuses(/head is longer/, ...Array(100).fill(`X: ${"y".repeat(1000)}\r\n`));
  refuses(/too many pieces/, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, ...Array(9000).fill("1\r\nx\r\n"));
});

Deno.test("an answer that is cut off, or lies about its length, is refused", () => {
  refuses(/before its head/, "HTTP/1.1 200 OK\r\n");
  refuses(/before its head/);
  refuses(/before it did/, `${HEAD}Content-Length: 5\r\n\r\n<a/>`);
  refuses(/before it did/, `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n<a/`);
  assert.deepEqual(read(`${HEAD}Content-Length: 2\r\n\r\n<a/>`).body, bytesOf("<a"), "the rest is not looked at");
});

Deno.test("what is no HTTP, or not the HTTP that was asked for, is refused", () => {
  refuses(/does not begin as one/, "SSH-2.0-x\r\n\r\n");
  refuses(/does not begin as one/, "HTTP/2 200\r\n\r\n");
  refuses(/length is no number/, `${HEAD}Content-Length: -1\r\n\r\n`);
  refuses(/piece of it is no number/, `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
  refuses(/piece of it is too long/, `${HEAD}Transfer-Encoding: chunked\r\n\r\n${"0".repeat(5000)}`);
  refuses(/transfer encoding is unknown/, `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`);
  refuses(/compressed/, `${HEAD}Content-Encoding: gzip\r\n\r\n`);
});

Deno.test("in whatever pieces an answer comes, it is the same", () => {
  const texts = [
    `${HEAD}Content-Length: 11\r\n\r\nhello world`,
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
    `HTTP/1.1 100 Continue\r\n\r\n${HEAD}\r\nhello world`,
  ];
  fc.assert(fc.property(fc.constantFrom(...texts), fc.array(fc.nat(200), { maxLength: 8 }), (text, cuts) => {
    const bytes = bytesOf(text), places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
    const answer = read(...places.slice(1).map((end, i) => bytes.slice(places[i], end)));
    assert.equal(new TextDecoder().decode(answer.body), "hello world");
  }));
});
