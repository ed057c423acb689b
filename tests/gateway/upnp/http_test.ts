import assert from "node:assert/strict";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { exchange, type HttpRequest, requestBytes } from "../../../src/gateway/upnp/http.ts";
import { FakeIgd, httpAnswer } from "../../support/gateway/igd.ts";
import { hasIpv6Loopback } from "../../support/gateway/ipv6.ts";

const FROM = { localAddress: "127.0.0.1", limitMs: 30_000 };
const get = (igd: FakeIgd): HttpRequest => ({
  target: { address: igd.address, port: igd.httpPort, path: "/rootDesc.xml" },
  method: "GET",
});

Deno.test("a request has a host without a zone, and its body's length in bytes", () => {
  const request = (address: string, body?: string) =>
    new TextDecoder().decode(requestBytes({
      target: { address, port: 80, path: "/a?b" },
      method: body === undefined ? "GET" : "POST",
      headers: { SOAPAction: '"x"' },
      ...(body === undefined ? {} : { body }),
    }));
  assert.equal(
    request("fe80::1%eth0"),
    'GET /a?b HTTP/1.1\r\nHost: [fe80::1]:80\r\nConnection: close\r\nSOAPAction: "x"\r\n\r\n',
  );
  assert.match(
    request("192.168.1.1", "é"),
    /^POST [^]*\r\nHost: 192\.168\.1\.1:80\r\n[^]*\r\nContent-Length: 2\r\n\r\né$/,
  );
});

Deno.test("a request is answered, and each has a connection of its own", async () => {
  await using igd = new FakeIgd();
  for (let times = 1; times <= 3; times++) {
    const { status, contentType, body } = await exchange(get(igd), FROM);
    assert.deepEqual([status, contentType], [200, "text/xml"]);
    assert.match(new TextDecoder().decode(body), /<\/root>$/);
    assert.equal(igd.requests.length, times);
  }
});

Deno.test({
  name: "a request comes from the address that it is to come from",
  ignore: Deno.build.os !== "linux", // has all of 127.0.0.0/8
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    const target = { address: "127.0.0.1", port: listener.addr.port, path: "/" };
    const answered = exchange({ target, method: "GET" }, { ...FROM, localAddress: "127.0.0.9" });
    const connection = await accepted;
    assert.equal(connection.remoteAddr.hostname, "127.0.0.9");
    await connection.write(new TextEncoder().encode("HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n"));
    assert.equal((await answered).status, 204);
    connection.close();
    listener.close();
  },
});

Deno.test({
  name: "an address with a zone is asked like others",
  ignore: !hasIpv6Loopback() || Deno.build.os !== "linux", // elsewhere a loopback address has no zone
  async fn() {
    await using igd = new FakeIgd({ hostname: "::" });
    const request = get(igd), from = { localAddress: "::1", limitMs: 30_000 };
    const zoned = { ...request, target: { ...request.target, address: "::1%1" } };
    assert.match(new TextDecoder().decode((await exchange(zoned, from)).body), /<\/root>$/);
    assert.match(igd.requests[0]!.head, /\r\nHost: \[::1\]:\d+\r\n/);

    const release = Promise.withResolvers<void>();
    igd.raw = async function* () {
      yield "HTTP/1.1 200 OK\r\n";
      await release.promise;
    };
    await assert.rejects(exchange(zoned, { ...from, limitMs: 50 }), /does not answer by UPnP .* within 50 ms/);
    release.resolve();
    await igd[Symbol.asyncDispose]();
    await assert.rejects(exchange(zoned, from), /does not answer by UPnP at \[::1\]:\d+: .*refused/i);
  },
});

Deno.test("where nothing listens the router is silent, and the reason is said", async () => {
  await using igd = new FakeIgd();
  const request = get(igd);
  await igd[Symbol.asyncDispose]();
  await assert.rejects(exchange(request, FROM), (error) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.fault, "silent");
    assert.match(error.message, /^The router does not answer by UPnP at 127\.0\.0\.1:\d+: .*refused/i);
    return true;
  });
});

Deno.test("an exchange ends when its time is over, and when its signal is aborted, and leaves no connection", async () => {
  await using igd = new FakeIgd();
  const release = Promise.withResolvers<void>();
  igd.raw = async function* () {
    yield "HTTP/1.1 200 OK\r\n";
    await release.promise;
  };
  await assert.rejects(exchange(get(igd), { ...FROM, limitMs: 50 }), /does not answer by UPnP .* within 50 ms/);
  const ending = new AbortController(), reason = new Error("enough");
  const asked = exchange(get(igd), { ...FROM, signal: ending.signal });
  ending.abort(reason);
  await assert.rejects(asked, reason);
  await assert.rejects(exchange(get(igd), { ...FROM, signal: AbortSignal.abort(reason) }), reason);
  release.resolve();
});

Deno.test("a proxy of the environment is not asked", async () => {
  await using igd = new FakeIgd();
  igd.raw = () => httpAnswer(200, "mine");
  Deno.env.set("http_proxy", "http://127.0.0.1:1");
  try {
    assert.equal(new TextDecoder().decode((await exchange(get(igd), FROM)).body), "mine");
  } finally {
    Deno.env.delete("http_proxy");
  }
});
