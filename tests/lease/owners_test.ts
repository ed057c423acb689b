import assert from "node:assert/strict";
import { LeasesByOwner } from "../../src/lease/owners.ts";
import { domainTest, request, wish } from "../support/domain.ts";

const BY_1001 = { owner: "uid:1001" };
const refused = { code: "too_many_leases" };

Deno.test("LeasesByOwner counts each user for itself, and nobody where there is none", () => {
  const owners = new LeasesByOwner();
  for (const owner of ["uid:1001", "uid:1001", "unknown", null]) owners.add(owner);
  assert.deepEqual(["uid:1001", "unknown", "uid:1002"].map((owner) => owners.count(owner)), [2, 1, 0]);
  owners.remove("uid:1001");
  owners.remove(null);
  assert.equal(owners.count("uid:1001"), 1);
  owners.checkBound("uid:1001", 2, 3);
  assert.throws(() => owners.checkBound("uid:1001", 3, 3), {
    code: "too_many_leases",
    message: "Cannot grant 3 more: user uid:1001 has 1 live leases of at most 3; release some, send the token, or " +
      "ask an administrator to raise maxLeasesPerUser",
    data: { owner: "uid:1001", leases: 1, limit: 3 },
  });
  owners.checkBound(null, 9, 3);
});

domainTest("grant() refuses what would take a user over the bound, and what is released makes room", async (test) => {
  const { registry } = test.domain;
  const [lease] = (await registry.grant(request({ name: "a" }, BY_1001))).leases;
  await assert.rejects(registry.grant(request({}, { ...BY_1001, wishes: [wish(), wish(), wish()] })), refused);
  assert.equal(registry.table.size, 1);
  await registry.grant(request({}, { ...BY_1001, wishes: [wish(), wish()] }));
  await assert.rejects(registry.grant(request({}, BY_1001)), refused);
  assert.equal((await registry.grant(request({ name: "a" }, BY_1001))).created, false, "a live name is no lease more");
  await registry.grant(request({}, { owner: "uid:1002" }));
  await registry.grant(request({}, { owner: null }));
  await registry.end(lease!.id, "released");
  await registry.grant(request({}, BY_1001));
  await assert.rejects(registry.grant(request({}, BY_1001)), refused);
}, { maxLeasesPerUser: 3 });

domainTest("of many grants at once no more than the bound succeed, and refusals leave nothing", async (test) => {
  const { registry } = test.domain;
  const free = test.domain.describe().pool.free;
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => registry.grant(request({}, BY_1001))));
  const codes = outcomes.map((outcome) => outcome.status === "fulfilled" ? "granted" : outcome.reason.code);
  assert.deepEqual(codes.filter((code) => code === "granted").length, 4);
  assert.deepEqual(new Set(codes.slice(4)), new Set(["too_many_leases"]));
  assert.deepEqual([registry.table.size, test.domain.describe().pool.free], [4, free - 4]);
}, { maxLeasesPerUser: 4 });

domainTest("the bound holds over a restart of the daemon", async (test) => {
  const pinned = { ...BY_1001, lifetime: { kind: "pinned" } } as const;
  const { leases } = await test.domain.registry.grant(request({}, { ...pinned, wishes: [wish(), wish()] }));
  const again = await test.restart();
  await assert.rejects(again.domain.registry.grant(request({}, pinned)), refused);
  await again.domain.registry.end(leases[0]!.id, "released");
  await again.domain.registry.grant(request({}, pinned));
}, { maxLeasesPerUser: 2 });
