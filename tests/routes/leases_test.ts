import assert from "node:assert/strict";
import { appTest, HOST, TOKEN } from "../support/app.ts";

appTest("POST /leases answers 201 with the lease, and 200 for its live name", async (app) => {
  const first = await app.call("/v1/leases", { body: { name: "web", project: "shop" } });
  assert.deepEqual([first.status, first.body.name, first.body.state], [201, "shop/web", "granted"]);
  const second = await app.call("/v1/leases", { body: { name: "web", project: "shop" } });
  assert.deepEqual([second.status, second.body.id], [200, first.body.id]);
});

appTest("POST /leases with Prefer: return=minimal answers id and port alone, and does the same", async (app) => {
  const grant = async (prefer: string, body: object) => {
    const { status, headers, body: answer } = await app.call("/v1/leases", { headers: { prefer }, body });
    return { status, applied: headers.get("preference-applied"), answer };
  };
  const one = await grant("return=minimal", { name: "web", project: "shop" });
  const { body: { leases: [lease] } } = await app.call("/v1/leases");
  assert.deepEqual(one, { status: 201, applied: "return=minimal", answer: { id: lease.id, port: lease.port } });
  const again = await grant('respond-async, RETURN = "minimal"; foo=1', { name: "web", project: "shop" });
  assert.deepEqual([again.status, again.answer], [200, { id: lease.id, port: lease.port }]);
  const several = await grant("return=minimal", { count: 2 });
  assert.deepEqual(several.answer.leases.map(Object.keys), [["id", "port"], ["id", "port"]]);
  for (const prefer of ["return=representation, return=minimal", "return=minimalist", "wait=1", ""]) {
    const { applied, answer } = await grant(prefer, {});
    assert.deepEqual([applied, answer.state], [null, "granted"], prefer);
  }
});

appTest("POST /leases takes port 0 for any, and answers several as a list", async (app) => {
  assert.equal((await app.call("/v1/leases", { body: { port: 0 } })).status, 201);
  const count = await app.call("/v1/leases", { body: { name: "w", project: "p", count: 2 } });
  assert.deepEqual(count.body.leases.map(({ name }: { name: string }) => name), ["p/w-1", "p/w-2"]);
  const services = await app.call("/v1/leases", {
    body: { project: "p", services: [{ name: "web" }, { name: "dns", protocols: ["udp"] }] },
  });
  assert.deepEqual(
    services.body.leases.map((lease: { name: string; protocols: string[] }) => [lease.name, lease.protocols]),
    [["p/web", ["tcp"]], ["p/dns", ["udp"]]],
  );
});

appTest("POST /leases bounds what holder and labels take with all the leases of a request", async (app) => {
  const holder = { id: "ci", cwd: `/${"x".repeat(2000)}` };
  const refused = await app.call("/v1/leases", { body: { count: 256, holder } });
  assert.deepEqual([refused.status, refused.body.field], [400, "holder"]);
  assert.match(refused.body.detail, /kept with each of 256 leases.*at most 1024 bytes/);
  assert.equal((await app.call("/v1/leases", { body: { count: 2, holder } })).status, 201);
});

appTest("a lease is found by id, name and port, changed, renewed and released by each", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web", project: "a/b", ttlMs: 60_000 } });
  const references = [`/v1/leases/${lease.id}`, "/v1/leases/by-name/a%2Fb/web", `/v1/leases/by-port/${lease.port}`];
  for (const reference of references) {
    assert.equal((await app.call(reference)).body.id, lease.id, reference);
    app.test.clock.advance(1000);
    const renewed = await app.call(`${reference}/renew`, { body: {} });
    assert.ok(renewed.body.expiresAt > lease.expiresAt, reference);
    const patched = await app.call(reference, { method: "PATCH", body: { labels: { at: reference.slice(0, 20) } } });
    assert.deepEqual(patched.body.labels, { at: reference.slice(0, 20) });
  }
  assert.equal((await app.call(references[1]!, { method: "DELETE" })).status, 204);
  assert.equal((await app.call(references[0]!, { method: "DELETE" })).status, 204);
  assert.equal((await app.call(references[1]!, { method: "DELETE" })).status, 204);
  const gone = await app.call(references[0]!);
  assert.deepEqual([gone.status, gone.body.code, gone.body.lease.state], [410, "lease_ended", "released"]);
  assert.equal((await app.call(references[2]!)).body.code, "lease_not_found");
});

appTest("a name without a project is found by its name alone", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web" } });
  assert.equal((await app.call("/v1/leases/by-name/web")).body.id, lease.id);
  assert.equal((await app.call("/v1/leases/by-name/web/renew", { body: {} })).body.id, lease.id);
});

appTest("GET /leases filters, and goes through the pages of live and ended leases", async (app) => {
  for (const name of ["web", "api", "db"]) {
    await app.call("/v1/leases", { body: { name, project: "shop", labels: { tier: name } } });
  }
  const names = async (query: string) =>
    (await app.call(`/v1/leases?${query}`)).body.leases.map(({ name }: { name: string }) => name);
  assert.deepEqual(await names(""), ["shop/web", "shop/api", "shop/db"]);
  assert.deepEqual(await names("name=api"), ["shop/api"]);
  assert.deepEqual(await names("name=shop/api"), ["shop/api"]);
  assert.deepEqual(await names("label=tier:db"), ["shop/db"]);
  assert.deepEqual(await names("project=other"), []);
  assert.deepEqual(await names("state=listening"), []);
  const page = await app.call("/v1/leases?limit=2");
  assert.deepEqual(await names(`limit=2&cursor=${page.body.next}`), ["shop/db"]);
  for (const name of ["web", "api", "db"]) {
    app.test.clock.advance(1);
    await app.call(`/v1/leases/by-name/shop/${name}`, { method: "DELETE" });
  }
  assert.deepEqual(await names("ended=true"), ["shop/db", "shop/api", "shop/web"]);
  assert.deepEqual(await names("ended=true&label=tier:api&name=api&state=released"), ["shop/api"]);
});

appTest("the pages of the history are whole and without repeats", async (app) => {
  const ids = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const { body } = await app.call("/v1/leases", { body: {} });
    ids.add(body.id);
    await app.call(`/v1/leases/${body.id}`, { method: "DELETE" });
  }
  const seen: string[] = [];
  for (let next: string | undefined = ""; next !== undefined;) {
    const { body }: { body: { leases: { id: string }[]; next?: string } } = await app.call(
      `/v1/leases?ended=true&limit=2${next && `&cursor=${next}`}`,
    );
    seen.push(...body.leases.map(({ id }) => id));
    next = body.next;
  }
  assert.deepEqual([...seen].sort(), [...ids].sort());
  assert.equal(seen.length, ids.size);
});

appTest("a page of live leases ends where it gets too long, and the next goes on", async (app) => {
  const { body } = await app.call("/v1/leases", { body: { count: 20 } });
  const ids = body.leases.map(({ id }: { id: string }) => id);
  for (const id of ids) await app.test.domain.registry.amend(id, { labels: { long: "x".repeat(70_000) } });
  const first = await app.call("/v1/leases");
  assert.ok(first.body.leases.length < 20);
  const second = await app.call(`/v1/leases?cursor=${first.body.next}`);
  assert.equal(second.body.next, undefined);
  const seen = [...first.body.leases, ...second.body.leases].map(({ id }) => id);
  assert.deepEqual(seen, ids);
}, { poolSize: 20 });

appTest("DELETE /leases frees everything with a label and nothing else", async (app) => {
  const ids: string[] = [];
  for (const job of ["1", "1", "2"]) ids.push((await app.call("/v1/leases", { body: { labels: { job } } })).body.id);
  const { body } = await app.call("/v1/leases?label=job:1", { method: "DELETE" });
  assert.deepEqual(body.released.sort(), ids.slice(0, 2).sort());
  assert.equal((await app.call(`/v1/leases/${ids[2]}`)).status, 200);
  assert.equal((await app.call("/v1/leases", { method: "DELETE" })).status, 400);
});

appTest("a label in a query is key=value, or in the old form key:value", async (app) => {
  const { body: { id } } = await app.call("/v1/leases", { body: { labels: { "ci/job": "a=1:2" } } });
  await app.call("/v1/leases", { body: { labels: { "ci/job": "a" } } });
  for (const label of ["ci/job=a=1:2", "ci/job:a=1:2"]) {
    for (const query of [`label=${label}`, `label=${encodeURIComponent(label)}`]) {
      const { body: { leases } } = await app.call(`/v1/leases?${query}`);
      assert.deepEqual(leases.map((lease: { id: string }) => lease.id), [id], query);
    }
  }
  const { status, body } = await app.call("/v1/leases?label=job", { method: "DELETE" });
  assert.deepEqual([status, body.detail], [400, 'Cannot use "label": must be key=value, got "job"']);
  const { body: { released } } = await app.call("/v1/leases?label=ci/job=a=1:2", { method: "DELETE" });
  assert.deepEqual(released, [id]);
});

appTest("an Idempotency-Key gives the same answer again, at once, later and after a restart", async (app) => {
  const request = { body: { labels: { a: "b" } }, headers: { "idempotency-key": "k1" } };
  const [first, second] = await Promise.all([app.call("/v1/leases", request), app.call("/v1/leases", request)]);
  assert.deepEqual([first.status, second.status, second.body], [201, 201, first.body]);
  assert.deepEqual((await app.call("/v1/leases", request)).body, first.body);
  assert.equal(app.test.domain.registry.table.size, 1);
  const other = await app.call("/v1/leases", { ...request, body: {} });
  assert.deepEqual([other.status, other.body.code], [422, "idempotency_key_reused"]);
  for (const key of ["", " ", "é", "x".repeat(256)]) {
    const bad = await app.call("/v1/leases", { body: {}, headers: { "idempotency-key": key || "\t" } });
    if (key.trim() !== "") assert.deepEqual([bad.status, bad.body.field], [400, "idempotency-key"]);
  }
  const after = await app.test.restart();
  assert.deepEqual(after.domain.store.answer({ caller: "unknown", key: "k1" })?.leaseIds, [first.body.id]);
});

appTest("a repeated Idempotency-Key grants nothing, and shows the leases as they are now", async (app) => {
  const request = { body: { count: 3 }, headers: { "idempotency-key": "k1" } };
  const first = await app.call("/v1/leases", request);
  const [, released] = first.body.leases;
  await app.call(`/v1/leases/${released.id}`, { method: "DELETE" });
  const again = await app.call("/v1/leases", request);
  assert.equal(again.status, 201);
  const rowOf = ({ id, port, state }: Record<string, unknown>) => [id, port, state];
  assert.deepEqual(
    again.body.leases.map(rowOf),
    first.body.leases.map((lease: Record<string, unknown>) =>
      rowOf({ ...lease, state: lease === released ? "released" : "granted" })
    ),
  );
  assert.equal(app.test.domain.registry.table.size, 2);
});

appTest("a repeated release is no success when the disk has failed: a crash may bring the lease back", async (app) => {
  const { body } = await app.call("/v1/leases", { method: "POST", body: { project: "shop", name: "web" } });
  const references = [`/v1/leases/${body.id}`, "/v1/leases/by-name/shop/web"];
  for (const path of references) assert.equal((await app.call(path, { method: "DELETE" })).status, 204);
  Object.defineProperty(app.test.domain.store, "hasFailed", { value: true });
  for (const path of references) {
    const repeated = await app.call(path, { method: "DELETE" });
    assert.deepEqual([repeated.status, repeated.body.code], [503, "store_unavailable"]);
  }
});

appTest("an Idempotency-Key whose lease the history has forgotten is answered with lease_ended", async (app) => {
  const request = { body: {}, headers: { "idempotency-key": "k1" } };
  const { body } = await app.call("/v1/leases", request);
  await app.call(`/v1/leases/${body.id}`, { method: "DELETE" });
  await app.test.domain.store.forget(Infinity, 0);
  const again = await app.call("/v1/leases", request);
  assert.deepEqual([again.status, again.body.code, again.body.leaseId], [410, "lease_ended", body.id]);
  assert.equal(app.test.domain.registry.table.size, 0);
});

appTest("the same Idempotency-Key of two callers is two keys", async (app) => {
  const request = { body: {}, headers: { "idempotency-key": "k1" } };
  const anonymous = await app.call("/v1/leases", request);
  const withToken = await app.call("/v1/leases", { ...request, body: { hold: "none" }, token: TOKEN });
  assert.deepEqual([anonymous.status, withToken.status], [201, 201]);
  assert.notEqual(anonymous.body.id, withToken.body.id);
  assert.equal((await app.call("/v1/leases", request)).body.id, anonymous.body.id);
});

/** Resolves when a method has been called so often. */
function callsOf<Key extends string>(object: Record<Key, unknown>, method: Key, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const original = (object[method] as (...args: unknown[]) => unknown).bind(object);
  let calls = 0;
  object[method] = (...args: unknown[]) => {
    const result = original(...args);
    if (++calls === count) resolve();
    return result;
  };
  return promise;
}

appTest("of two requests with one Idempotency-Key the first may leave: the second gets the port", async (app) => {
  const { body: holder } = await app.call("/v1/leases", { body: {} });
  const leaving = new AbortController();
  const bothWait = callsOf(app.parts.replay, "run", 2);
  const ask = (signal?: AbortSignal) =>
    app.fetch(
      new Request(`http://${HOST}/v1/leases`, {
        method: "POST",
        headers: { host: HOST, "content-type": "application/json", "idempotency-key": "k1" },
        body: JSON.stringify({ waitMs: 60_000 }),
        ...(signal && { signal }),
      }),
    );
  const first = ask(leaving.signal), second = ask();
  await bothWait;
  leaving.abort();
  await (await first).body?.cancel();
  await app.call(`/v1/leases/${holder.id}`, { method: "DELETE" });
  const answer = await second;
  assert.deepEqual([answer.status, (await answer.json()).port], [201, holder.port]);
}, { poolSize: 1, cooldownMs: 0 });

appTest("status, probes and stop answer as documented", async (app) => {
  assert.equal((await app.call("/healthz")).status, 200);
  assert.equal((await app.call("/v1/readyz")).status, 200);
  const { body } = await app.call("/v1/status");
  assert.deepEqual([body.name, body.leases, body.pool.size], ["portd", { live: 0 }, 10]);
  assert.equal((await app.call("/v1/stop", { method: "POST", body: {}, token: TOKEN })).status, 202);
  assert.ok(app.stopped());
  const notReady = await app.call("/readyz");
  assert.deepEqual([notReady.status, notReady.body.code], [503, "shutting_down"]);
});

appTest("export and import go through the API with the token", async (app) => {
  const { body: lease } = await app.call("/v1/leases", {
    body: { name: "web", project: "a", lifetime: { kind: "pinned" } },
  });
  const { body: document } = await app.call("/v1/export", { token: TOKEN });
  assert.deepEqual([document.version, document.leases[0].id, document.names], [1, lease.id, { "a/web": lease.port }]);
  const { status, body } = await app.call("/v1/import", { token: TOKEN, body: document });
  assert.equal(status, 200);
  assert.deepEqual([body.imported, body.skipped[0].id], [[], lease.id]);
  const spoilt = { ...document, leases: [{ ...document.leases[0], port: 65536 }] };
  const refused = await app.call("/v1/import", { token: TOKEN, body: spoilt });
  assert.deepEqual([refused.status, refused.body.field], [422, "leases[0].port"]);
});

appTest("a fault of portd is answered without detail and logged", async (app) => {
  app.test.domain.store.find = () => {
    throw new Error("secret detail");
  };
  const { status, body } = await app.call("/v1/leases/01ARZ3NDEKTSV4RRFFQ69G5FAV");
  assert.deepEqual([status, body.code], [500, "internal"]);
  assert.doesNotMatch(JSON.stringify(body), /secret/);
  assert.match(app.faults.join(), /secret detail/);
});
