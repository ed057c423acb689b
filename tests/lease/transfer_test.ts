/** Names that an import brings. */
import assert from "node:assert/strict";
import { MOST_NAMES } from "../../src/lease/ledger.ts";
import { WriteError } from "../../src/lease/store/store.ts";
import { appTest, TOKEN } from "../support/app.ts";
import { domainTest, request } from "../support/domain.ts";

domainTest("import() remembers names up to a bound, and forgets none that was granted here", async (test) => {
  const { registry, transfer } = test.domain;
  const { leases: [lease] } = await registry.grant(request({ name: "own" }));
  const many = Object.fromEntries(Array.from({ length: MOST_NAMES }, (_, i) => [`a/n${i}`, 20_000 + i % 100]));
  await transfer.import([], many);
  await transfer.import([], { "b/late": 20_000 });
  const { names } = await transfer.export();
  assert.deepEqual([Object.keys(names).length, names.own, names["b/late"]], [MOST_NAMES, lease!.port, undefined]);
  const again = await test.restart();
  assert.equal(Object.keys((await again.domain.transfer.export()).names).length, MOST_NAMES);
});

domainTest("import() does not set a name over the port that was granted while it was written", async (test) => {
  const { registry, transfer } = test.domain;
  const [, { leases: [lease] }] = await Promise.all([
    transfer.import([], { web: test.first + 9 }),
    registry.grant(request({ name: "web", prefer: [test.first + 3] })),
  ]);
  assert.equal((await transfer.export()).names.web, lease!.port);
});

domainTest("import() forgets names that did not reach the disk", async (test) => {
  const { store, transfer } = test.domain;
  const write = store.write;
  store.write = () => Promise.reject(new WriteError("Cannot write: the disk is full", false));
  await assert.rejects(transfer.import([], { web: test.first }), /the disk is full/);
  store.write = write;
  assert.deepEqual((await transfer.export()).names, {});
});

appTest("import takes names of the form of a lease's name alone", async (app) => {
  const call = (names: unknown, leases: unknown[] = []) =>
    app.call("/v1/import", { token: TOKEN, body: { version: 1, leases, names } });
  for (const name of ["", "a b", "a\u0000", "\u202e", "/web", "a//b", "a/", "x".repeat(266), "é", "a\nb"]) {
    const { status, body } = await call({ [name]: 20_000 });
    assert.deepEqual([status, body.code], [400, "invalid_request"], name);
    assert.match(body.field, /^names/, name);
  }
  const { status } = await app.call("/v1/import", {
    token: TOKEN,
    body: '{"version": 1, "leases": [], "names": {"__proto__": 7}}',
  });
  assert.equal(status, 400);
  const good = ["web", "shop/web", "shop@login/web", "a/b/c.d_e+f-g", "~me/x"];
  assert.equal((await call(Object.fromEntries(good.map((name) => [name, 20_000])))).status, 200);
});
