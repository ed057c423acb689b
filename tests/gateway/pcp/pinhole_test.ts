import assert from "node:assert/strict";
import { FakeRouter } from "../../support/gateway/fake_router.ts";
import { hasIpv6Loopback } from "../../support/gateway/ipv6.ts";
import { MAP_PLACES, openPcp, spoilMaps } from "../../support/gateway/pcp_client.ts";
import { mappingRequest, refusalOf } from "../../support/gateway/requests.ts";

Deno.test({
  name: "a pinhole has its internal port where the router answers 0, and no other address than its own",
  ignore: !hasIpv6Loopback(),
  async fn() {
    await using router = new FakeRouter({ address: "::1" });
    const gateway = await openPcp(router);
    const request = mappingRequest({ family: "ipv6", internal: { address: "::1", port: 20417 }, isFixed: true });
    spoilMaps(router, (answer, view) => {
      view.setUint16(MAP_PLACES.externalPort, 0);
      answer.fill(0, MAP_PLACES.externalAddress);
    });
    assert.deepEqual((await gateway.map(request)).external, { address: "::1", port: 20417 });
    const suggested = new DataView(router.requests.at(-1)!.bytes.buffer).getUint16(MAP_PLACES.externalPort);
    assert.equal(suggested, 20417);
    gateway.close();
  },
});

Deno.test({
  name: "a pinhole that cannot be deleted is shortened once, and reported as lasting where that is refused too",
  ignore: !hasIpv6Loopback(),
  async fn() {
    await using router = new FakeRouter({ address: "::1" });
    const gateway = await openPcp(router);
    const request = mappingRequest({ family: "ipv6", internal: { address: "::1", port: 20417 } });
    await gateway.map(request);
    router.habits.deleteRefusal = 2;
    router.habits.shortestLifetimeS = 120;
    const shortened = await refusalOf(gateway.unmap(request, 20417));
    assert.deepEqual([shortened.fault, shortened.retryAfterS], ["not_authorized", 125]);
    assert.match(shortened.message, /it now ends in 120 seconds$/);
    router.clock.advance(100_000);
    const again = await refusalOf(gateway.unmap(request, 20417));
    assert.deepEqual([again.fault, again.retryAfterS], ["not_authorized", 25]);
    assert.match(again.message, /it now ends in 20 seconds$/);
    router.clock.advance(24_000);
    assert.equal(router.table.entries().length, 0);
    assert.match((await refusalOf(gateway.unmap(request, 20417))).message, /it now ends in 0 seconds$/);
    router.clock.advance(2000);
    await gateway.map(request);
    assert.match((await refusalOf(gateway.unmap(request, 20417))).message, /it now ends in 120 seconds$/);
    router.clock.advance(130_000);
    router.habits.refusal = 2;
    const refusal = await refusalOf(gateway.unmap(request, 20417));
    assert.equal(refusal.retryAfterS, undefined);
    assert.match(refusal.message, /it lasts until its lifetime ends$/);
    gateway.close();
  },
});
