/** `GET /metrics`: what each number means. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { allRoutes } from "../../routes/app.ts";
import { readFamilies } from "../../src/daemon/metrics.ts";
import { appTest, openTestApp, type TestApp, TOKEN } from "../support/app.ts";
import { grantOne } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";
import { differences, readSeries, type Series, sumOf } from "../support/metrics/exposition.ts";

async function scrape(app: TestApp): Promise<Series> {
  return readSeries((await app.call("/metrics", { token: TOKEN })).body);
}

/** What is not about the reading itself, or the process. */
const isOfDomain = ([name]: readonly [string, number]) => !/^process_|^portd_commit_duration|\/metrics"/.test(name);

/** What `work` changes in the metrics. */
async function changesOf(app: TestApp, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await scrape(app);
  await work();
  return Object.fromEntries(Object.entries(differences(before, await scrape(app))).filter(isOfDomain));
}

const lease = (app: TestApp, body: object) => app.call("/v1/leases", { body });

function memoryTest(name: string, run: (app: TestApp, machine: FakeMachine) => Promise<void>, mostHolds = 1000): void {
  Deno.test(name, async () => {
    const machine = new FakeMachine({ mostHolds });
    await using app = await openTestApp({ machine });
    await app.test.domain.firewall.sync(); // the first one, which removes what a crash has left
    await run(app, machine);
  });
}

memoryTest("a grant counts once, as a lease, a commit, an event, a used port and an answered request", async (app) => {
  const changes = await changesOf(app, () => lease(app, { name: "web", ttlMs: 60_000 }));
  assert.deepEqual(changes, {
    'portd_leases{state="granted",lifetime="ttl"}': 1,
    portd_grants_total: 1,
    'portd_pool_free_ports{protocol="tcp"}': -1,
    'portd_pool_used_ports{protocol="tcp"}': 1,
    portd_holds: 1,
    ...bucketsFrom("portd_commit_entries", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
    portd_commit_entries_sum: 1,
    portd_commit_entries_count: 1,
    'portd_events_total{type="lease.granted"}': 1,
    'portd_http_requests_total{method="POST",route="/v1/leases",status="2xx"}': 1,
  });
});

function bucketsFrom(metric: string, bounds: readonly number[]): Record<string, number> {
  return Object.fromEntries([...bounds, "+Inf"].map((bound) => [`${metric}_bucket{le="${bound}"}`, 1]));
}

memoryTest("a refused grant counts once with its code, and grants nothing", async (app) => {
  const { body: { port } } = await lease(app, { name: "web", project: "a" });
  const changes = await changesOf(app, () => lease(app, { port }));
  assert.deepEqual(changes, {
    'portd_refusals_total{code="port_leased"}': 1,
    'portd_http_requests_total{method="POST",route="/v1/leases",status="4xx"}': 1,
    'portd_http_refusals_total{code="port_leased"}': 1,
  });
});

memoryTest("a port that a stranger has counts as one that the kernel refused", async (app, machine) => {
  const port = 20_412;
  machine.listen({ protocol: "tcp", port }, { pid: [] });
  const changes = await changesOf(app, () => lease(app, { port }));
  assert.equal(changes['portd_refusals_total{code="port_in_use"}'], 1);
  assert.equal(changes['portd_hold_failures_total{reason="in_use"}'], 1);
});

memoryTest("a lease that gets no hold, as there are too many, counts with the limit", async (app) => {
  await lease(app, {});
  const changes = await changesOf(app, () => lease(app, {}));
  assert.equal(changes['portd_hold_failures_total{reason="limit"}'], 1);
  assert.equal(changes.portd_grants_total, 1);
  assert.equal((await scrape(app)).get("portd_holds_limit"), 1);
}, 1);

memoryTest("asking again for a live lease grants nothing, and renews it", async (app) => {
  await lease(app, { name: "web", project: "a", ttlMs: 60_000 });
  const changes = await changesOf(app, () => lease(app, { name: "web", project: "a", ttlMs: 60_000 }));
  assert.equal(changes.portd_grants_total, undefined);
  assert.equal(changes['portd_events_total{type="lease.renewed"}'], 1);
});

memoryTest("each way to end a lease has its count", async (app) => {
  const ended = (changes: Record<string, number>) =>
    Object.entries(changes).filter(([name]) => /ends_total/.test(name));
  const { body: { id } } = await lease(app, {});
  const release = () => app.call(`/v1/leases/${id}`, { method: "DELETE" });
  assert.deepEqual(ended(await changesOf(app, release)), [['portd_lease_ends_total{state="released"}', 1]]);
  assert.deepEqual(ended(await changesOf(app, release)), [], "it had ended");
  await lease(app, { ttlMs: 1000 });
  app.test.clock.advance(2000);
  const look = () => app.test.domain.watch.look();
  assert.deepEqual(ended(await changesOf(app, look)), [['portd_lease_ends_total{state="expired"}', 1]]);
});

memoryTest(
  "a look of the watch counts as a scan, with the sockets that it sees on leased ports",
  async (app, machine) => {
    const { body: { port } } = await lease(app, {});
    machine.listen({ protocol: "tcp", port }, { pid: machine.start(4711).pid });
    machine.listen({ protocol: "tcp", port: 5432 }, { pid: [] });
    const changes = await changesOf(app, () => app.test.domain.watch.look());
    assert.equal(changes.portd_scan_duration_seconds_count, 1);
    assert.equal(changes.portd_scan_sockets, 1);
    assert.equal(changes['portd_events_total{type="listener.opened"}'], 1);
    assert.equal(changes['portd_leases{state="listening",lifetime="listener"}'], 1);
  },
);

Deno.test("a scan that fails counts as failed", async () => {
  const failure = new Error("no table");
  const machine = new FakeMachine({
    answer: (what, value) => what === "a look at leased ports" ? Promise.reject(failure) : Promise.resolve(value()),
  });
  await using app = await openTestApp({ machine });
  const changes = await changesOf(app, () => assert.rejects(app.test.domain.watch.look(), failure));
  assert.equal(changes.portd_scan_failures_total, 1);
  assert.equal(changes.portd_scan_duration_seconds_count, undefined);
});

memoryTest("requests that wait for a port are counted while they wait", async (app) => {
  for (let left = app.test.domain.pool.size; left > 0; left--) await lease(app, {});
  const waiting = grantOne(app.test, {}, { waitMs: 60_000 });
  assert.equal((await scrape(app)).get("portd_waiting_requests"), 1);
  app.test.clock.advance(60_000);
  await assert.rejects(waiting, { code: "pool_exhausted" });
  const series = await scrape(app);
  assert.equal(series.get("portd_waiting_requests"), 0);
  assert.equal(series.get('portd_refusals_total{code="pool_exhausted"}'), 1);
});

memoryTest("a sync of the firewall counts with its result, and the rules with their states", async (app, machine) => {
  const { body: { id } } = await lease(app, {});
  const open = () => app.call(`/v1/leases/${id}/exposure`, { method: "PUT", body: {}, token: TOKEN });
  const changes = await changesOf(app, async () => {
    await open();
    await app.call("/v1/firewall/sync", { body: {}, token: TOKEN });
  });
  assert.ok(changes['portd_firewall_syncs_total{result="ok"}']! > 0);
  assert.equal(changes['portd_firewall_rules{state="set"}'], 1);
  machine.firewall.failure = new Error("broken");
  const failed = await changesOf(app, () => app.call("/v1/firewall/sync", { body: {}, token: TOKEN }));
  assert.equal(failed['portd_firewall_syncs_total{result="failed"}'], 1);
});

memoryTest(
  "requests count by the template of their route, whatever their path, method and headers are",
  async (app) => {
    const changes = await changesOf(app, async () => {
      await app.call("/v1/leases/by-name/secret%0Aname/x", { token: TOKEN });
      await app.call("/v1/leases/by-name/other/y");
      await app.call("/v1/secret");
      await app.call("/v1/leases", { method: "BREW" });
      await app.call("/v1/status", { method: "HEAD" });
      await app.call("/v1/status", { headers: { host: "evil.example" } });
      await app.call("/v1/secret", { headers: { host: "evil.example" } });
      await app.call("/v1/status", { method: "HEAD", token: "wrong" });
    });
    assert.deepEqual(changes, {
      'portd_http_requests_total{method="GET",route="/v1/leases/by-name/{project}/{name}",status="4xx"}': 2,
      'portd_http_requests_total{method="GET",route="/v1/status",status="2xx"}': 1,
      'portd_http_requests_total{method="GET",route="/v1/status",status="4xx"}': 2,
      'portd_http_requests_total{method="any",route="unmatched",status="4xx"}': 3,
      'portd_http_refusals_total{code="lease_not_found"}': 2,
      'portd_http_refusals_total{code="not_found"}': 1,
      'portd_http_refusals_total{code="method_not_allowed"}': 1,
      'portd_http_refusals_total{code="misdirected_host"}': 2,
      'portd_http_refusals_total{code="unauthorized"}': 1,
    });
  },
);

memoryTest("no label has a value that a caller chooses", async (app) => {
  for (const name of ["secret", 'x"} 1', "line\nbreak"]) {
    await lease(app, { name, project: name, labels: { secret: name }, holder: { id: name, cwd: `/${name}` } });
    await app.call(`/v1/${encodeURIComponent(name)}`);
  }
  const known = allRoutes(app.parts).map(({ path }) => path.replaceAll(/:(\w+)/g, "{$1}"));
  for (const { samples } of readFamilies(app.parts)) {
    for (const { labels = {} } of samples) {
      for (const [label, value] of Object.entries(labels)) {
        if (label === "route") assert.ok(value === "unmatched" || known.includes(value), value);
        else assert.match(value, /^[A-Za-z0-9_.]{1,20}$/, label);
      }
    }
  }
});

appTest("where a token is needed, the metrics take it, and the probes do not", async (app) => {
  assert.equal((await app.call("/metrics")).status, 401);
  assert.equal((await app.call("/v1/metrics")).status, 401);
  assert.equal((await app.call("/metrics", { token: TOKEN })).status, 200);
}, { anonymous: "none" });

appTest("the metrics come in the format that is asked for, and are never a page of a browser", async (app) => {
  for (const path of ["/metrics", "/v1/metrics"]) {
    const text = await app.call(path);
    assert.equal(text.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(text.headers.get("x-content-type-options"), "nosniff");
    const open = await app.call(path, { headers: { accept: "application/openmetrics-text; version=1.0.0" } });
    assert.match(open.headers.get("content-type")!, /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(open.body, /\n# EOF\n$/);
  }
  assert.equal((await app.call("/metrics?x=1")).body.code, "invalid_request");
});

/** One thing that a client, the system or time does. */
const ACTIONS = [
  "lease",
  "lease one that is taken",
  "release",
  "expire",
  "look",
  "restart a server",
  "nonsense",
] as const;

Deno.test("counters never go down, and their sums agree with the ledger", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...ACTIONS), { maxLength: 40 }), async (actions) => {
      const machine = new FakeMachine();
      await using app = await openTestApp({ machine });
      const { domain, clock } = app.test, { registry } = domain;
      let before = await scrape(app);
      for (const action of actions) {
        const [first] = registry.table.all();
        if (action === "lease") await lease(app, { ttlMs: 5000 });
        else if (action === "lease one that is taken" && first) await lease(app, { port: first.port });
        else if (action === "release" && first) await app.call(`/v1/leases/${first.id}`, { method: "DELETE" });
        else if (action === "expire") clock.advance(6000);
        else if (action === "look") await domain.watch.look();
        else if (action === "restart a server" && first) machine.listen(tcpOf(first.port), { pid: [] });
        else await app.call("/v1/nonsense");
        const after = await scrape(app);
        for (const [name, value] of before) {
          if (/_(total|bucket|sum|count)(\{|$)/.test(name)) assert.ok(after.get(name)! >= value, name);
        }
        const ended = sumOf(after, "portd_lease_ends_total");
        assert.equal(after.get("portd_grants_total")! - ended, registry.table.size);
        assert.equal(sumOf(after, "portd_leases"), registry.table.size);
        assert.equal(sumOf(after, "portd_events_total"), domain.events.last);
        const [free, used] = ["free", "used"].map((kind) => after.get(`portd_pool_${kind}_ports{protocol="tcp"}`)!);
        assert.equal(free! + used!, after.get("portd_pool_ports"));
        before = after;
      }
    }),
    { numRuns: 12 },
  );
});

const tcpOf = (port: number) => ({ protocol: "tcp", port } as const);
