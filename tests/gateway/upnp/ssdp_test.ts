import assert from "node:assert/strict";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { readSearchAnswer, SEARCH_TARGETS, searchBytes, searchRouter } from "../../../src/gateway/upnp/ssdp.ts";
import { FakeIgd } from "../../support/gateway/igd.ts";

const HOME = { family: "ipv4", gateway: "127.0.0.1", localAddress: "127.0.0.1" } as const;
/** Long enough for a busy machine; a search that finds something ends at once. */
const PATIENT = { limitMs: 30_000, restMs: 0 };
/** For searches that find nothing. */
const SHORT = { limitMs: 300, restMs: 0 };

const answer = (lines: string) => readSearchAnswer(new TextEncoder().encode(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`));

Deno.test("a search names its target, and to whom it goes", () => {
  assert.equal(
    new TextDecoder().decode(searchBytes(SEARCH_TARGETS[0], "239.255.255.250", 1900)),
    'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n' +
      "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n\r\n",
  );
  assert.match(new TextDecoder().decode(searchBytes("x", "ff02::c%eth0", 1900)), /\r\nHOST: \[ff02::c\]:1900\r\n/);
});

Deno.test("an answer of a router is read, with its fields in any order and case", () => {
  const location = "http://192.168.1.1/x";
  assert.deepEqual(answer(`LOCATION: ${location}\r\nST: ${SEARCH_TARGETS[1]}`), { location, rank: 1 });
  assert.deepEqual(answer(`st:${SEARCH_TARGETS[0]}\nlocation:${location}  \n`), { location, rank: 0 });
});

Deno.test("what is no answer of a router is none", () => {
  assert.equal(answer(`LOCATION: x\r\nST: upnp:rootdevice`), undefined);
  assert.equal(answer(`ST: ${SEARCH_TARGETS[0]}`), undefined);
  assert.equal(answer(`LOCATION: x\r\nST: ${SEARCH_TARGETS[0]}\r\nX: ${"y".repeat(5000)}`), undefined, "too long");
  const notify = `NOTIFY * HTTP/1.1\r\nLOCATION: x\r\nST: ${SEARCH_TARGETS[0]}\r\n\r\n`;
  assert.equal(readSearchAnswer(new TextEncoder().encode(notify)), undefined);
  assert.equal(readSearchAnswer(new Uint8Array()), undefined);
});

Deno.test("the router that answers is found", async () => {
  await using igd = new FakeIgd();
  assert.deepEqual(await searchRouter(HOME, { ...PATIENT, port: igd.searchPort }), [
    { address: "127.0.0.1", port: igd.httpPort, path: "/rootDesc.xml" },
  ]);
});

Deno.test("a router that names a description on another host is refused in words", async () => {
  await using igd = new FakeIgd();
  for (const location of ["http://192.0.2.1:5000/x", "https://127.0.0.1/x", "nonsense", "http://[::1]/"]) {
    igd.location = location;
    await assert.rejects(searchRouter(HOME, { ...PATIENT, port: igd.searchPort }), (error) => {
      assert.ok(error instanceof GatewayError, String(error));
      assert.equal(error.fault, "failed");
      assert.match(error.message, /its description is not on it/);
      return true;
    });
  }
});

Deno.test({
  name: "an answer from another address than the gateway's does not count",
  ignore: Deno.build.os !== "linux", // has all of 127.0.0.0/8
  async fn() {
    await using igd = new FakeIgd();
    igd.searchAnswerFrom = "127.0.0.2";
    await assert.rejects(searchRouter(HOME, { ...SHORT, port: igd.searchPort }), silent);
  },
});

Deno.test("where nothing answers, or nothing listens, the router is silent", async () => {
  await using igd = new FakeIgd();
  igd.isSearchable = false;
  await assert.rejects(searchRouter(HOME, { ...SHORT, port: igd.searchPort }), silent);
  await igd[Symbol.asyncDispose]();
  await assert.rejects(searchRouter(HOME, { ...SHORT, port: igd.searchPort }), silent);
});

Deno.test("from an address that this host has not, nothing is searched for", async () => {
  await assert.rejects(searchRouter({ ...HOME, localAddress: "192.0.2.1" }, SHORT), silent);
});

Deno.test("a search ends when its signal is aborted", async () => {
  await using igd = new FakeIgd();
  igd.isSearchable = false;
  const ending = new AbortController(), reason = new Error("enough");
  const search = searchRouter(HOME, { ...PATIENT, port: igd.searchPort, signal: ending.signal });
  ending.abort(reason);
  await assert.rejects(search, reason);
  await assert.rejects(searchRouter(HOME, { ...PATIENT, signal: AbortSignal.abort(reason) }), reason);
});

function silent(error: unknown): boolean {
  assert.ok(error instanceof GatewayError, String(error));
  assert.equal(error.fault, "silent", error.message);
  return true;
}
