import assert from "node:assert/strict";
import { Claims } from "../../src/lease/claims.ts";
import type { LeaseListener } from "../../src/lease/lease.ts";
import { leaseOf } from "../support/store.ts";

const NOBODY = { pid: null, startTime: null, bootId: null, command: null, cwd: null, user: null };

Deno.test("the nearest folder is that of a lease without a process, for as long as one of its leases lives", () => {
  const claims = new Claims();
  const [web, api] = [leaseOf("web", { cwd: "/shop" }), leaseOf("api", { cwd: "/shop/" })];
  for (const lease of [web, api, leaseOf("run", { cwd: "/shop/src", pid: 10 })]) claims.add(lease);
  assert.equal(claims.nearestFolder("/shop/src/pages"), "/shop");
  assert.equal(claims.nearestFolder("/shopping"), undefined);
  claims.remove(web);
  assert.equal(claims.nearestFolder("/shop"), "/shop");
  claims.remove(api);
  assert.equal(claims.nearestFolder("/shop"), undefined);
});

Deno.test("a lease is found by the pid of its holder and of its known listener, whoever that is after a change", () => {
  const claims = new Claims();
  const ids = (pid: number) => [...claims.idsOf(pid)];
  const listener: LeaseListener = { ...NOBODY, pid: 11, address: "", since: "", reason: null };
  const before = leaseOf("web", { pid: 10 });
  const listening = { ...before, state: "listening" as const, listener };
  claims.add(before);
  claims.add(leaseOf("api", { pid: 10 }));
  assert.deepEqual([ids(10), ids(11)], [["web", "api"], []]);
  claims.replace(before, listening);
  assert.deepEqual([ids(10).sort(), ids(11)], [["api", "web"], ["web"]]);
  const stranger = { ...listening, state: "conflict" as const };
  claims.replace(listening, stranger);
  assert.deepEqual(ids(11), []);
  claims.replace(stranger, { ...stranger, holder: { ...before.holder, pid: 12 } });
  assert.deepEqual([ids(10), ids(12)], [["api"], ["web"]]);
  claims.remove({ ...stranger, holder: { ...before.holder, pid: 12 } });
  assert.deepEqual(ids(12), []);
});
