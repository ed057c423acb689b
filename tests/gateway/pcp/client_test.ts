/** What the client makes of routers that refuse, lie, restart or say nothing; conformance has what it does with good ones. */
import assert from "node:assert/strict";
import type { GatewayFault } from "../../../src/gateway/gateway.ts";
import { PCP_RESULTS } from "../../../src/gateway/pcp/results.ts";
import { FakeRouter } from "../../support/gateway/fake_router.ts";
import { HastyTimer } from "../../support/gateway/hasty_timer.ts";
import { MAP_PLACES, openPcp, spoilMaps } from "../../support/gateway/pcp_client.ts";
import { mappingRequest, refusalOf } from "../../support/gateway/requests.ts";

Deno.test("each result code is the fault that it means, with the router's wish when to ask again", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  const faults: Partial<Record<GatewayFault, readonly number[]>> = {
    unsupported: [1, 4, 5, 9],
    not_authorized: [2],
    failed: [3, 6, 12, 13, 14, 99, 255],
    no_address: [7],
    no_resources: [8, 10],
    port_taken: [11],
  };
  for (const [fault, codes] of Object.entries(faults)) {
    for (const code of codes) {
      router.habits.refusal = code;
      const refusal = await refusalOf(gateway.map(mappingRequest()));
      assert.deepEqual([refusal.fault, refusal.retryAfterS], [fault, 30], `code ${code}`);
      assert.match(refusal.message, /^The router 127\.0\.0\.1 refuses by PCP to map port 20417\/tcp: /);
      assert.ok(refusal.message.includes(PCP_RESULTS[code]?.name ?? `result code ${code}`), refusal.message);
    }
  }
  gateway.close();
});

Deno.test("no router keeps us from asking for longer than half an hour", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  router.habits.refusal = 8;
  for (const [lifetimeS, retryAfterS] of [[0xffff_ffff, 1800], [1800, 1800], [1, 1], [0, undefined]]) {
    router.habits.refusalLifetimeS = lifetimeS!;
    assert.equal((await refusalOf(gateway.map(mappingRequest()))).retryAfterS, retryAfterS);
  }
  gateway.close();
});

Deno.test("a full table, and a router without an address, are told apart", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  router.table.capacity = 0;
  assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "no_resources");
  router.habits.externalAddress = null;
  assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "no_address");
  gateway.close();
});

Deno.test("a router that speaks NAT-PMP alone is told by its answer, and one that says nothing is silent", async () => {
  await using router = new FakeRouter();
  router.habits.speaksPcp = false;
  assert.equal((await refusalOf(openPcp(router))).fault, "unsupported");
  router.habits.speaksNatPmp = false;
  assert.equal((await refusalOf(openPcp(router, new HastyTimer()))).fault, "silent");
});

Deno.test("a router that refuses to be asked is not used, one without ANNOUNCE is", async () => {
  await using router = new FakeRouter();
  router.habits.send = (answer) => [answer.with(3, 2)];
  assert.equal((await refusalOf(openPcp(router))).fault, "not_authorized");
  router.habits.send = (answer) => [answer];
  router.habits.knowsAnnounce = false;
  const gateway = await openPcp(router);
  assert.equal((await gateway.map(mappingRequest())).external.port, 20417);
  gateway.close();
});

Deno.test("an answer with another nonce, protocol or internal port, or from elsewhere, is none", async () => {
  for (
    const place of [
      MAP_PLACES.nonce,
      MAP_PLACES.nonce + 11,
      MAP_PLACES.protocol,
      MAP_PLACES.internalPort,
      MAP_PLACES.internalPort + 1,
    ]
  ) {
    await using router = new FakeRouter();
    const timer = new HastyTimer(0), gateway = await openPcp(router, timer);
    timer.left = Infinity;
    spoilMaps(router, (answer) => answer[place]! ^= 1);
    assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "silent", `byte ${place}`);
    gateway.close();
  }
  await using router = new FakeRouter();
  router.habits.answersFromElsewhere = true;
  assert.equal((await refusalOf(openPcp(router, new HastyTimer()))).fault, "silent");
});

Deno.test("a request that is lost on the way is sent again, the same", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  gateway.close();
  router.habits.ignores = 2;
  const patient = await openPcp(router, new HastyTimer(2));
  const [first, ...others] = router.requests.slice(1);
  assert.equal(others.length, 2);
  for (const each of others) assert.deepEqual(each, first);
  patient.close();
});

Deno.test("junk before the answer does no harm", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  router.habits.send = (
    answer,
  ) => [new Uint8Array(), answer.subarray(0, 23), answer.with(1, 1), new Uint8Array(1500), answer];
  assert.equal((await gateway.map(mappingRequest())).external.port, 20417);
  gateway.close();
});

Deno.test("a router that has restarted is known by its seconds, once, whichever answer they were in", async () => {
  await using router = new FakeRouter();
  router.clock.advance(5_000_000);
  const gateway = await openPcp(router);
  await gateway.map(mappingRequest());
  assert.equal(await gateway.hasForgotten(), false);
  router.clock.advance(3_600_000);
  assert.equal(await gateway.hasForgotten(), false);
  router.restart();
  assert.deepEqual([await gateway.hasForgotten(), await gateway.hasForgotten()], [true, false]);
  router.clock.advance(60_000);
  router.restart();
  router.habits.refusal = 8;
  await refusalOf(gateway.map(mappingRequest()));
  assert.deepEqual([await gateway.hasForgotten(), await gateway.hasForgotten()], [true, false]);
  gateway.close();
});

Deno.test("a router that forgets without a word has the mapping back by its renewal", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  const { external } = await gateway.map(mappingRequest({ externalPort: 20500 }));
  router.forget();
  assert.equal(await gateway.hasForgotten(), false);
  assert.equal((await gateway.map(mappingRequest({ externalPort: external.port }))).external.port, 20500);
  assert.equal(router.table.entries().length, 1);
  gateway.close();
});

Deno.test("a router that grants another port than the fixed one has it given back; a wish that is no must is granted", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  router.habits.grantsAnother = true;
  for (const knowsPreferFailure of [true, false]) {
    router.habits.knowsPreferFailure = knowsPreferFailure;
    const refusal = await refusalOf(gateway.map(mappingRequest({ externalPort: 20500, isFixed: true })));
    assert.equal(refusal.fault, "port_taken");
    assert.deepEqual(router.table.entries(), []);
  }
  router.habits.deleteRefusal = 2;
  const refusal = await refusalOf(gateway.map(mappingRequest({ externalPort: 20500, isFixed: true })));
  assert.equal(refusal.fault, "port_taken");
  assert.match(
    refusal.message,
    /granted port 20501 by PCP, not 20500; and it could not be given back: .*NOT_AUTHORIZED/,
  );
  router.table.clear();
  const granted = await gateway.map(mappingRequest({ externalPort: 20500 }));
  assert.deepEqual(granted, { external: { address: "203.0.113.7", port: 20501 }, lifetimeS: 600 });
  gateway.close();
});

Deno.test("a grant of port 0, or for no time, is a failure, and given back", async () => {
  const lies = [
    (view: DataView) => view.setUint16(MAP_PLACES.externalPort, 0),
    (view: DataView) => view.setUint32(MAP_PLACES.lifetime, 0),
  ];
  for (const lie of lies) {
    await using router = new FakeRouter();
    const gateway = await openPcp(router);
    spoilMaps(router, (_, view) => lie(view));
    assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "failed");
    assert.deepEqual(router.table.entries(), []);
    gateway.close();
  }
});

Deno.test("a grant says the lifetime that it has, shorter or longer, and no address where the router has told none", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  router.habits.longestLifetimeS = 90;
  assert.equal((await gateway.map(mappingRequest())).lifetimeS, 90);
  router.habits.longestLifetimeS = router.habits.shortestLifetimeS = 7200;
  assert.equal((await gateway.map(mappingRequest())).lifetimeS, 7200);
  for (
    const nowhere of [
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0],
      new Array(16).fill(0),
      new Array(16).fill(0x20),
    ]
  ) {
    spoilMaps(router, (answer) => answer.set(nowhere, MAP_PLACES.externalAddress));
    assert.equal((await gateway.map(mappingRequest())).external.address, null);
  }
  gateway.close();
});

Deno.test("a mapping with another nonce is not ours: neither changed nor deleted", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  await gateway.map(mappingRequest());
  const other = mappingRequest({ nonce: "ffffffffffffffffffffffff" });
  assert.equal((await refusalOf(gateway.map(other))).fault, "not_authorized");
  const refusal = await refusalOf(gateway.unmap(other, 20417));
  assert.equal(refusal.fault, "not_authorized");
  assert.match(refusal.message, /does not take our nonce for that of the mapping; it lasts until its lifetime ends$/);
  assert.equal(router.table.entries().length, 1);
  gateway.close();
});

Deno.test("the external address is asked for in NAT-PMP where the router speaks that, else seen at a mapping that ends", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  assert.equal(await gateway.externalAddress(), "203.0.113.7");
  router.habits.externalAddress = null;
  assert.equal(await gateway.externalAddress(), null);
  router.habits.speaksNatPmp = false;
  assert.equal(await gateway.externalAddress(), null);
  router.habits.externalAddress = "203.0.113.8";
  assert.equal(await gateway.externalAddress(), "203.0.113.8");
  assert.deepEqual(router.table.entries(), []);
  const before = router.requests.length;
  assert.equal(await gateway.externalAddress(), "203.0.113.8");
  assert.ok(router.requests.slice(before).every(({ bytes }) => bytes[0] === 2), "NAT-PMP is not asked again");
  router.habits.refusal = 2;
  assert.equal((await refusalOf(gateway.externalAddress())).fault, "not_authorized");
  gateway.close();
});

Deno.test("a closed gateway asks nothing any more, and what it was asking ends", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  router.habits.ignores = Infinity;
  const asking = refusalOf(gateway.hasForgotten());
  gateway.close();
  assert.match((await asking).message, /its client is closed/);
  const before = router.requests.length;
  for (const call of [gateway.map(mappingRequest()), gateway.unmap(mappingRequest(), 1), gateway.externalAddress()]) {
    assert.equal((await refusalOf(call)).fault, "failed");
  }
  assert.equal(router.requests.length, before);
});

Deno.test("an address of the other family, or of another host, is not mapped", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  for (const [address, fault] of [["::1", "unsupported"], ["nonsense", "unsupported"], ["192.0.2.1", "failed"]]) {
    const refusal = await refusalOf(gateway.map(mappingRequest({ internal: { address: address!, port: 20417 } })));
    assert.equal(refusal.fault, fault, address);
  }
  assert.deepEqual(router.table.entries(), []);
  gateway.close();
});

Deno.test("numbers that are no ports are not sent: 0 would be all ports of this host", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  await gateway.map(mappingRequest());
  const before = router.requests.length;
  for (const port of [0, -1, 65536, 1.5, NaN]) {
    const request = mappingRequest({ internal: { address: "127.0.0.1", port } });
    for (const call of [gateway.map(request), gateway.unmap(request, 0)]) {
      assert.equal((await refusalOf(call)).fault, "unsupported");
    }
  }
  assert.equal((await refusalOf(gateway.map(mappingRequest({ externalPort: 65536 })))).fault, "unsupported");
  assert.equal(router.requests.length, before);
  gateway.close();
});

Deno.test("a lifetime that has no room, or would delete, is asked for as near as it can be", async () => {
  await using router = new FakeRouter();
  const gateway = await openPcp(router);
  router.habits.longestLifetimeS = Infinity;
  for (const [asked, granted] of [[0, 1], [0.2, 1], [1.5, 2], [2 ** 40, 2 ** 32 - 1]]) {
    assert.equal((await gateway.map(mappingRequest({ lifetimeS: asked! }))).lifetimeS, granted);
  }
  gateway.close();
});
