/** Bodies that do not arrive whole, over real connections and without. */
import assert from "node:assert/strict";
import { readInTime } from "../../routes/body.ts";
import { Deadlines } from "../../src/deadlines.ts";
import { appTest, HOST } from "../support/app.ts";
import { FakeClock } from "../support/clock.ts";
import { startTestDaemon, type TestDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/folder.ts";

/** Sends text, ends our half of the connection, and answers with what comes back. */
async function exchange({ url }: TestDaemon, parts: readonly string[]): Promise<string> {
  const { hostname, port, host } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `POST /v1/leases HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
  await connection.write(new TextEncoder().encode(head + parts[0]));
  for (const part of parts.slice(1)) {
    await fetch(`${url}/healthz`).then((response) => response.body?.cancel()); // it has read the part before by now
    await connection.write(new TextEncoder().encode(part));
  }
  await connection.closeWrite();
  return await new Response(connection.readable).text();
}

const BROKEN: Readonly<Record<string, readonly string[]>> = {
  "shorter than its Content-Length": ['Content-Length: 100\r\n\r\n{"name":'],
  "a chunk that ends too soon": ["Transfer-Encoding: chunked\r\n\r\n20\r\n{"],
  "a last chunk that never comes": ["Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"],
};

for (const [name, parts] of Object.entries(BROKEN)) {
  Deno.test(`a body that is broken (${name}) is invalid_request, and no fault of portd's in the log`, async () => {
    await using folder = await temporaryFolder();
    await using daemon = await startTestDaemon(folder.path);
    const answer = await exchange(daemon, parts);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /"code":"invalid_request","detail":"Cannot read the body: it did not arrive whole"/);
    assert.deepEqual(daemon.logged.filter((line) => line.includes("internal error")), []);
    assert.equal((await (await fetch(`${daemon.url}/v1/leases`)).json()).leases.length, 0);
  });
}

Deno.test("a malformed chunk after a good one is no fault of portd's", async () => {
  await using folder = await temporaryFolder();
  await using daemon = await startTestDaemon(folder.path);
  const answer = await exchange(daemon, ["Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "zz\r\n"]);
  // Where both arrive together, the runtime closes the connection before anybody is asked.
  assert.match(answer, /^$|"code":"invalid_request"/);
  assert.deepEqual(daemon.logged.filter((line) => line.includes("internal error")), []);
});

appTest("an empty body of POST /leases is {}, also for an Idempotency-Key", async (app) => {
  for (const body of ["", " \r\n"]) {
    const { status, body: lease } = await app.call("/v1/leases", { method: "POST", body });
    assert.deepEqual([status, lease.name, lease.protocols], [201, null, ["tcp"]]);
  }
  const headers = { "idempotency-key": "k1" };
  const none = await app.call("/v1/leases", { method: "POST", headers });
  const empty = await app.call("/v1/leases", { headers, body: "" });
  const object = await app.call("/v1/leases", { headers, body: {} });
  assert.deepEqual([none.status, empty.body, object.body], [201, none.body, none.body]);
});

appTest("a client that leaves while it waits for a port is no fault of portd's", async (app) => {
  await app.call("/v1/leases", { body: {} });
  const leaving = new AbortController();
  const request = new Request(`http://${HOST}/v1/leases`, {
    method: "POST",
    headers: { host: HOST, "content-type": "application/json" },
    body: JSON.stringify({ waitMs: 60_000 }),
    signal: leaving.signal,
  });
  const answering = app.fetch(request);
  leaving.abort();
  assert.equal((await answering).status, 400); // nobody reads it
  assert.deepEqual(app.faults, []);
}, { poolSize: 1 });

Deno.test("a body that does not arrive in time is request_timeout, one that does is read", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(10_000, clock);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const post = (body: BodyInit) => new Request(`http://${HOST}/`, { method: "POST", body });
  assert.equal(await readInTime(post("{}"), deadlines), "{}");
  const writer = writable.getWriter();
  const slow = readInTime(post(readable), deadlines);
  clock.advance(9999);
  await writer.write(new TextEncoder().encode("{"));
  clock.advance(1);
  await assert.rejects(slow, { code: "request_timeout" });
  await writer.close();
});
