/** Lines of HTTP heads, and that no line of one keeps its reader busy. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { readRequest } from "../src/checker/http_message.ts";
import { GatewayError } from "../src/gateway/gateway.ts";
import { HttpResponseReader } from "../src/gateway/upnp/http_response.ts";
import { readSearchAnswer } from "../src/gateway/upnp/ssdp.ts";
import { splitField } from "../src/header_field.ts";

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (sign) => sign.charCodeAt(0));
}

Deno.test("a field is what is before the first colon, and what is behind it without the blanks around", () => {
  assert.deepEqual(splitField("Location:http://192.168.1.1/"), { name: "Location", value: "http://192.168.1.1/" });
  assert.deepEqual(splitField("a: \t b c\t "), { name: "a", value: "b c" });
  assert.deepEqual(splitField("a:"), { name: "a", value: "" });
  assert.deepEqual(splitField("a: \t"), { name: "a", value: "" });
  assert.deepEqual([splitField(""), splitField("no colon"), splitField(": no name")], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("a field that is written with any blanks is read back", () => {
  const blanks = fc.string({ unit: fc.constantFrom(" ", "\t") });
  const value = fc.string().filter((text) => !/^[ \t]|[ \t]$/.test(text));
  fc.assert(fc.property(blanks, value, blanks, (before, text, after) => {
    assert.deepEqual(splitField(`name:${before}${text}${after}`), { name: "name", value: text });
  }));
});

// With a time that grows with the square or the cube of the length, these would take from minutes to years.

Deno.test("a line of a million blanks with something behind them is read", () => {
  const blanks = " ".repeat(1_000_000);
  assert.deepEqual(splitField(`a:${blanks}\rb${blanks}`), { name: "a", value: "\rb" });
});

Deno.test("a checker refuses at once a head of blanks that is none", async () => {
  const bytes = bytesOf(`POST /v1/check HTTP/1.1\r\na:${" ".repeat(8000)}\x01\r\n\r\n`);
  const read = (into: Uint8Array) => {
    into.set(bytes);
    return Promise.resolve(bytes.length);
  };
  await assert.rejects(readRequest(read), { code: "invalid_request" });
});

Deno.test("blanks in the answer of a router to a search, or to a request, are passed over at once", () => {
  const line = (length: number) => `a:${" ".repeat(length)}b\rc\r\n`;
  const st = "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n";
  const found = readSearchAnswer(bytesOf(`HTTP/1.1 200 OK\r\n${line(3900)}${st}LOCATION: http://1.2.3.4/\r\n\r\n`));
  assert.equal(found?.location, "http://1.2.3.4/");
  const reader = new HttpResponseReader();
  assert.equal(reader.push(bytesOf(`HTTP/1.1 200 OK\r\n${line(16_000)}Content-Length: 0\r\n\r\n`)), true);
  assert.equal(reader.response().status, 200);
  const tooLong = bytesOf(`HTTP/1.1 200 OK\r\n${line(17_000)}\r\n`);
  assert.throws(() => new HttpResponseReader().push(tooLong), GatewayError);
});
