/** The typed client against a fake daemon, over fetch and over plain sockets. */
import assert from "node:assert/strict";
import { type EventsOptions, NoDaemonError, PortdClient, PortdError } from "../../src/client/client.ts";
import { socketTransport } from "../../src/client/socket_transport.ts";
import { FakeDaemon, TOKEN } from "../support/fake_daemon.ts";
import { freePort } from "../support/sockets.ts";
import { LEASE } from "../support/wire.ts";

/** The same test over each way to the daemon. */
function clientTest(
  name: string,
  run: (daemon: FakeDaemon, connect: (token?: string) => PortdClient) => Promise<void>,
): void {
  const ways = { fetch: () => ({}), sockets: () => ({ transport: socketTransport() }) };
  for (const [way, options] of Object.entries(ways)) {
    Deno.test(`${name} (over ${way})`, async () => {
      await using daemon = await FakeDaemon.open();
      const connect = (token?: string) =>
        new PortdClient({ url: daemon.url, ...options(), ...(token === undefined ? {} : { token }) });
      await run(daemon, connect);
    });
  }
}

clientTest("grant() posts the request and answers with the lease", async (daemon, connect) => {
  const lease = await connect().grant({ name: "web", project: "shop", ttlMs: 60_000 });
  assert.equal(lease.name, "shop/web");
  const [request] = daemon.asked("POST", "/v1/leases");
  assert.deepEqual(request?.body, { name: "web", project: "shop", ttlMs: 60_000 });
  assert.equal(request?.headers.get("content-type"), "application/json");
  assert.equal(request?.headers.get("authorization"), null);
});

clientTest("grant() sends the idempotency key as a header", async (daemon, connect) => {
  await connect().grant({}, { idempotencyKey: "job-17" });
  assert.equal(daemon.asked("POST", "/v1/leases")[0]?.headers.get("idempotency-key"), "job-17");
});

clientTest("grantAll() answers with several leases in the order asked", async (_daemon, connect) => {
  const leases = await connect().grantAll({ project: "shop", services: [{ name: "web" }, { name: "api" }] });
  assert.deepEqual(leases.map(({ name }) => name), ["shop/web", "shop/api"]);
  await assert.rejects(connect().grant({ count: 2 }), /use grantAll/);
});

clientTest("a refusal is a PortdError with code, detail and data", async (daemon, connect) => {
  const data = { port: 80, suggestion: 81 };
  daemon.refuseNext({ status: 409, code: "port_leased", detail: "Cannot grant port 80/tcp", ...data });
  await assert.rejects(connect().grant({ port: 80 }), (error) => {
    assert.ok(error instanceof PortdError);
    assert.deepEqual([error.code, error.message], ["port_leased", "Cannot grant port 80/tcp"]);
    assert.deepEqual(error.data, data);
    return true;
  });
});

clientTest("a refusal with a code of a newer daemon keeps the code and its words", async (daemon, connect) => {
  daemon.refuseNext({ status: 418, code: "teapot", detail: "Cannot brew" });
  await assert.rejects(connect().grant({}), (error) => {
    assert.ok(error instanceof PortdError);
    assert.deepEqual([error.code, error.message, error.data.unknownCode], ["internal", "Cannot brew", "teapot"]);
    return true;
  });
});

clientTest("list() sends the filter as a query", async (daemon, connect) => {
  await daemon.grant({ name: "web", project: "shop+b/c" });
  await daemon.grant({ name: "api", project: "shop+b/c" });
  assert.equal((await connect().list({ name: "web" })).leases.length, 1);
  assert.equal((await connect().listAll({ project: "shop+b/c" })).length, 2);
  const paths = daemon.requests.map(({ path }) => path);
  assert.deepEqual(paths, ["/v1/leases?name=web", "/v1/leases?project=shop%2Bb%2Fc"]);
});

Deno.test("listAll() follows every page", async () => {
  const asked: string[] = [];
  const client = new PortdClient({
    fetch(input) {
      asked.push(String(input));
      return Promise.resolve(Response.json({ leases: [LEASE], ...(asked.length === 1 && { next: "abc" }) }));
    },
  });
  assert.deepEqual(await client.listAll({ name: "web" }), [LEASE, LEASE]);
  const base = "http://127.0.0.1:7678/v1/leases?name=web";
  assert.deepEqual(asked, [base, `${base}&cursor=abc`]);
});

clientTest("a lease is reached by id, by name and by port", async (daemon, connect) => {
  const lease = await daemon.grant({ name: "web", project: "a/b" });
  for (const ref of [lease.id, { name: "a/b/web" }, { port: lease.port }]) {
    assert.equal((await connect().get(ref)).id, lease.id);
  }
  const paths = daemon.requests.map(({ path }) => path);
  assert.deepEqual(paths, [
    `/v1/leases/${lease.id}`,
    "/v1/leases/by-name/a%2Fb/web",
    `/v1/leases/by-port/${lease.port}`,
  ]);
});

clientTest("renew(), amend() and release() change a lease", async (daemon, connect) => {
  const { id } = await daemon.grant({ name: "web", ttlMs: 1000 });
  const renewed = await connect().renew(id, { ttlMs: 60_000 });
  assert.ok(Date.parse(renewed.expiresAt!) >= daemon.clock.now() + 60_000);
  assert.deepEqual((await connect().amend(id, { labels: { job: "1" } })).labels, { job: "1" });
  await connect().release(id);
  await connect().release(id);
  assert.deepEqual(daemon.leases.map(({ state }) => state), ["released"]);
  await assert.rejects(connect().get(id), { code: "lease_ended" });
});

clientTest("releaseByLabel() answers with the ids that were released", async (daemon, connect) => {
  const lease = await daemon.grant({ name: "web", labels: { job: "1" } });
  assert.deepEqual(await connect().releaseByLabel("job:1"), [lease.id]);
});

clientTest("export(), import() and stop() take the token", async (daemon, connect) => {
  await assert.rejects(connect().export(), { code: "scope_required" });
  const { id } = await daemon.grant({ lifetime: { kind: "pinned" } });
  const document = await connect(TOKEN).export();
  const leases = document.leases.map((lease) => ({ ...lease, id: "01K99999999999999999999999", port: lease.port + 1 }));
  const { imported, skipped } = await connect(TOKEN).import({ ...document, leases: [...leases, ...document.leases] });
  assert.deepEqual([imported, skipped.map((each) => each.id)], [["01K99999999999999999999999"], [id]]);
  await connect(TOKEN).stop();
  assert.equal(daemon.requests.at(-1)?.headers.get("authorization"), `Bearer ${TOKEN}`);
});

clientTest("events() yields events and ends when it is aborted", async (daemon, connect) => {
  const stopping = new AbortController();
  const seen: string[] = [];
  const onOpen = () => void daemon.grant({ name: "web" });
  for await (const event of connect().events({ signal: stopping.signal, onOpen })) {
    seen.push(event.type);
    if (event.type === "lease.granted") await daemon.serve(event.lease);
    if (event.type === "lease.listening") stopping.abort();
  }
  assert.deepEqual(seen, ["lease.granted", "listener.opened", "lease.listening"]);
});

clientTest("events() goes on behind the last event after a break", async (daemon, connect) => {
  const stopping = new AbortController();
  let opened = 0;
  const onOpen = () => void daemon.grant({ name: `web-${++opened}` });
  const ids: string[] = [];
  for await (const event of connect().events({ signal: stopping.signal, onOpen })) {
    if (event.type === "reset") continue;
    ids.push(event.id);
    if (opened === 1) daemon.breakStreams();
    else stopping.abort();
  }
  const asked = daemon.asked("GET", "/v1/events").map(({ headers }) => headers.get("last-event-id"));
  assert.deepEqual(asked, [null, ids[0]]);
});

clientTest(
  "events() reports each break once, and loses nothing that happens before its first event",
  async (daemon, connect) => {
    const stopping = new AbortController(), said: string[] = [];
    const onOpen = () => said.push("open");
    const onBreak = () => {
      said.push("broken");
      void daemon.grant({ name: "meanwhile" });
    };
    void daemon.whenStreaming().then(() => daemon.breakStreams());
    for await (const event of connect().events({ signal: stopping.signal, onOpen, onBreak })) {
      said.push(event.type);
      stopping.abort();
    }
    assert.deepEqual(said, ["open", "broken", "open", "lease.granted"]);
  },
);

clientTest("events() opens a stream again on which nothing comes, not even a comment", async (daemon, connect) => {
  const stopping = new AbortController(), reasons: string[] = [];
  const onBreak = (reason: unknown) => {
    reasons.push((reason as Error).message);
    void daemon.grant({ name: "web" });
  };
  for await (const { type } of connect().events({ signal: stopping.signal, onBreak, silenceMs: 20 })) {
    if (type === "lease.granted") stopping.abort();
  }
  assert.equal(reasons[0], "Cannot follow the events: nothing has come for 0.02 seconds");
});

clientTest("events() without follow ends when all is there, and says how many are lost", async (daemon, connect) => {
  const { events } = daemon.domain;
  const all = async (options: EventsOptions) => await Array.fromAsync(connect().events({ ...options, follow: false }));
  assert.deepEqual(await all({ replay: true }), []);
  const { id } = await daemon.grant({ name: "web" });
  await daemon.end(id, "released");
  const [granted, released] = await all({ replay: true });
  assert.deepEqual([granted!.type, released!.type], ["lease.granted", "lease.released"]);
  assert.deepEqual(await all({ lastEventId: granted!.id }), [released]);
  for (let i = 0; i < 10_001; i++) events.publish({ type: "rule.failed", reason: "" }, 0);
  const [reset] = await all({ lastEventId: granted!.id });
  assert.deepEqual(reset, { type: "reset", id: events.idOf(events.last), missed: 10_002 });
});

Deno.test("events() tries again where others read all the streams that there may be", async () => {
  const problem = { code: "too_many_readers", status: 503, detail: "Cannot send events" };
  const answers = [
    Response.json(problem, { status: 503, headers: { "content-type": "application/problem+json" } }),
    new Response(
      'id: r-1\nevent: rule.failed\ndata: {"type":"rule.failed","at":"2026-11-23T10:00:00.000Z","reason":"x"}\n\n',
      {
        headers: { "content-type": "text/event-stream" },
      },
    ),
  ];
  const events = new PortdClient({ fetch: () => Promise.resolve(answers.shift()!) }).events();
  assert.equal((await events.next()).value?.type, "rule.failed");
  await events.return();
  assert.equal(answers.length, 0);
});

clientTest("what is no portd is a NoDaemonError", async (_daemon, connect) => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("<h1>hello</h1>"),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  assert.ok(connect().url.startsWith("http://127.0.0.1:"));
  const stranger = new PortdClient({ url, transport: socketTransport() });
  await assert.rejects(stranger.status(), NoDaemonError);
  await assert.rejects(new PortdClient({ url }).status(), /something else answers there/);
});

Deno.test("nobody listening is a NoDaemonError that names the address", async () => {
  const url = `http://127.0.0.1:${freePort()}`;
  const fails = (error: unknown) => error instanceof NoDaemonError && error.message.includes(url);
  await assert.rejects(new PortdClient({ url }).status(), fails);
  await assert.rejects(new PortdClient({ url, transport: socketTransport() }).status(), fails);
  await assert.rejects(new PortdClient({ url }).events().next(), fails);
});

Deno.test("a daemon that does not answer in time is a TimeoutError", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  for (const options of [{}, { transport: socketTransport() }]) {
    await assert.rejects(new PortdClient({ url, timeoutMs: 20, ...options }).status(), { name: "TimeoutError" });
  }
});

Deno.test("the address may end in /v1 and slashes", () => {
  const urls = ["http://localhost:1", "http://localhost:1/", "http://localhost:1/v1", "http://localhost:1/v1/"];
  assert.deepEqual(urls.map((url) => new PortdClient({ url }).url), urls.map(() => "http://localhost:1"));
});

Deno.test("a check of a port, which may read the firewall, may take as long as the firewall's own call", async () => {
  const limits: (number | undefined)[] = [];
  const client = new PortdClient({
    transport: ({ timeoutMs }) => {
      limits.push(timeoutMs);
      return Promise.reject(new Error("not sent"));
    },
  });
  for (const call of [client.firewall(), client.checkPort(80), client.status()]) {
    await assert.rejects(call, { message: "not sent" });
  }
  const [firewall, check, status] = limits as [number, number, number];
  assert.equal(check, firewall);
  assert.ok(check >= status + 60_000);
});
