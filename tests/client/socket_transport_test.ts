/** The CLI's own HTTP exchange against answers that are written byte by byte. */
import assert from "node:assert/strict";
import { NoDaemonError } from "../../src/client/client.ts";
import type { Socket } from "../../src/client/socket.ts";
import { socketTransport } from "../../src/client/socket_transport.ts";

/** A connection that answers with these pieces, one a read, and keeps what it was sent. */
function scripted(...pieces: readonly string[]): Socket & { sent: string; isClosed: boolean } {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  return {
    sent: "",
    isClosed: false,
    read(into) {
      const piece = left.shift();
      if (piece === undefined) return Promise.resolve(null);
      into.set(piece);
      return Promise.resolve(piece.length);
    },
    write(bytes) {
      const part = bytes.subarray(0, 7); // a write may take only a part
      this.sent += new TextDecoder().decode(part);
      return Promise.resolve(part.length);
    },
    close() {
      this.isClosed = true;
    },
  };
}

const REQUEST = { method: "GET", url: "http://127.0.0.1:7678/v1/status?x=1", headers: { accept: "text/plain" } };

async function exchange(...pieces: readonly string[]): Promise<string> {
  const socket = scripted(...pieces);
  const answer = await socketTransport(socket)(REQUEST);
  const text = await answer.text();
  assert.ok(socket.isClosed);
  return `${answer.status} ${answer.mediaType} ${text}`;
}

Deno.test("a request has a Host field, no more than asked, and closes the connection", async () => {
  const socket = scripted("HTTP/1.1 204 No Content\r\n\r\n");
  await (await socketTransport(socket)({ ...REQUEST, method: "POST", body: "{ö}" })).text();
  const lines = ["POST /v1/status?x=1 HTTP/1.1", "Host: 127.0.0.1:7678", "Connection: close", "accept: text/plain"];
  assert.equal(socket.sent, [...lines, "Content-Length: 4", "", "{ö}"].join("\r\n"));
});

Deno.test("a body is as long as Content-Length says, however it is cut", async () => {
  const whole = "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nhällo and more";
  assert.equal(await exchange(whole), "200 text/plain hällo");
  assert.equal(
    await exchange(...new TextEncoder().encode(whole).reduce<string[]>(eachByteAlone, [])),
    "200 text/plain hällo",
  );
});

/** Only ASCII can be cut into strings; the two bytes of an umlaut stay together. */
function eachByteAlone(pieces: string[], byte: number): string[] {
  if (byte === 0xc3) return pieces;
  return [...pieces, byte === 0xa4 ? "ä" : String.fromCharCode(byte)];
}

Deno.test("a chunked body is put together, extensions and trailers left out", async () => {
  const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\ncontent-type: application/json\r\n\r\n";
  assert.equal(
    await exchange(`${head}2;x=y\r\n{}\r\nA\r\n0123`, "456789\r\n0\r\nTrailer: x\r\n\r\n"),
    "200 application/json {}0123456789",
  );
});

Deno.test("a body without a length lasts until the connection ends", async () => {
  assert.equal(await exchange("HTTP/1.0 200 OK\r\n\r\nfirst ", "second"), "200  first second");
});

Deno.test("an interim answer is passed over", async () => {
  assert.equal(
    await exchange("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "200  ",
  );
});

const BROKEN = {
  "nothing at all": [""],
  "no HTTP": ["SSH-2.0-OpenSSH\r\n\r\n"],
  "a status that is none": ["HTTP/1.1 999 What\r\n\r\n"],
  "a head without an end": ["HTTP/1.1 200 OK\r\nA: b\r\n"],
  "a body that is cut short": ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"],
  "a length that is no number": ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc"],
  "a chunk size that is no number": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
  "a chunk longer than its size": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"],
  "chunks without an end": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"],
  "a line without an end": ["HTTP/1.1 200 OK\r\nA: ", ..."x".repeat(9).split("").map((x) => x.repeat(10_000))],
  "a head without bounds": ["HTTP/1.1 200 OK\r\n", ..."x".repeat(99).split("").map((x) => `a: ${x.repeat(1000)}\r\n`)],
};

for (const [what, pieces] of Object.entries(BROKEN)) {
  Deno.test(`${what} is a NoDaemonError that names the address`, async () => {
    const fails = (error: unknown) => error instanceof NoDaemonError && error.message.includes("http://127.0.0.1:7678");
    await assert.rejects(exchange(...pieces), fails);
  });
}

Deno.test("a header with a line end in it is not sent", async () => {
  const socket = scripted();
  const request = { ...REQUEST, headers: { authorization: "Bearer x\r\nHost: elsewhere" } };
  await assert.rejects(socketTransport(socket)(request), /^Error: Cannot send header authorization: /);
  assert.equal(socket.sent, "");
});

Deno.test("an abort ends the exchange with the signal's reason", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`;
  const stopping = new AbortController();
  const answer = socketTransport()({ ...REQUEST, url, signal: stopping.signal });
  using _connection = await listener.accept();
  stopping.abort(new Error("enough"));
  await assert.rejects(answer, /enough/);
});
