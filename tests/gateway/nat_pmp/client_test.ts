/** What the client makes of routers that refuse, lie, restart or say nothing; conformance has what it does with good ones. */
import assert from "node:assert/strict";
import type { Gateway } from "../../../src/gateway/gateway.ts";
import { findNatPmp } from "../../../src/gateway/nat_pmp/client.ts";
import { FakeRouter } from "../../support/gateway/fake_router.ts";
import { HastyTimer } from "../../support/gateway/hasty_timer.ts";
import { mappingRequest, refusalOf } from "../../support/gateway/requests.ts";

/** A gateway to a router. Where no timer is given, nothing is ever sent twice. */
async function open(router: FakeRouter, timer: HastyTimer | FakeRouter["clock"] = router.clock): Promise<Gateway> {
  const { address, port } = router;
  return await findNatPmp({ route: { address, gateway: address }, port, timer });
}

const INTERNAL_PORT = 8, EXTERNAL_PORT = 10, LIFETIME = 12;

Deno.test("each result code is the fault that it means, in words", async () => {
  await using router = new FakeRouter();
  const gateway = await open(router);
  const faults = ["unsupported", "not_authorized", "no_address", "no_resources", "unsupported", "failed"];
  for (const [i, fault] of faults.entries()) {
    router.habits.refusal = i + 1;
    const refusal = await refusalOf(gateway.map(mappingRequest()));
    assert.equal(refusal.fault, fault);
    assert.match(
      refusal.message,
      new RegExp(`^The router 127\\.0\\.0\\.1 refuses by NAT-PMP .* \\(result ${i + 1}\\)$`),
    );
  }
  gateway.close();
});

Deno.test("a refusal that ends after its head is one", async () => {
  await using router = new FakeRouter();
  const gateway = await open(router);
  router.habits.refusal = 2;
  router.habits.send = (answer) => [answer.subarray(0, 8)];
  assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "not_authorized");
  gateway.close();
});

Deno.test("a router without an address is one, and has none", async () => {
  await using router = new FakeRouter();
  router.habits.externalAddress = null;
  const gateway = await open(router);
  assert.equal(await gateway.externalAddress(), null);
  assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "no_address");
  router.habits.externalAddress = "0.0.0.0";
  assert.equal(await gateway.externalAddress(), null);
  router.table.capacity = 0;
  router.habits.externalAddress = "203.0.113.7";
  assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "no_resources");
  gateway.close();
});

Deno.test("a router that speaks PCP alone is told by its answer, and one that says nothing is silent", async () => {
  await using router = new FakeRouter();
  router.habits.speaksNatPmp = false;
  assert.equal((await refusalOf(open(router))).fault, "unsupported");
  router.habits.speaksPcp = false;
  assert.equal((await refusalOf(open(router, new HastyTimer()))).fault, "silent");
});

Deno.test("an answer for another port or protocol, or from elsewhere, is none", async () => {
  for (const change of [(bytes: Uint8Array) => bytes[1]! ^= 3, (bytes: Uint8Array) => bytes[INTERNAL_PORT]! ^= 1]) {
    await using router = new FakeRouter();
    const timer = new HastyTimer(0), gateway = await open(router, timer);
    timer.left = Infinity;
    router.habits.send = (answer) => {
      change(answer);
      return [answer];
    };
    assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "silent");
    gateway.close();
  }
  await using router = new FakeRouter();
  router.habits.answersFromElsewhere = true;
  assert.equal((await refusalOf(open(router, new HastyTimer()))).fault, "silent");
});

Deno.test("a router that has restarted is known by its seconds, once", async () => {
  await using router = new FakeRouter();
  router.clock.advance(5_000_000);
  const gateway = await open(router);
  router.clock.advance(3_600_000);
  assert.equal(await gateway.hasForgotten(), false);
  router.restart();
  assert.deepEqual([await gateway.hasForgotten(), await gateway.hasForgotten()], [true, false]);
  router.clock.advance(60_000);
  router.restart();
  await gateway.map(mappingRequest());
  assert.deepEqual([await gateway.hasForgotten(), await gateway.hasForgotten()], [true, false]);
  gateway.close();
});

Deno.test("a router that grants another port than the fixed one has it given back", async () => {
  await using router = new FakeRouter();
  const gateway = await open(router);
  router.habits.grantsAnother = true;
  const request = mappingRequest({ externalPort: 20500, isFixed: true });
  assert.equal((await refusalOf(gateway.map(request))).fault, "port_taken");
  assert.deepEqual(router.table.entries(), []);
  router.habits.deleteRefusal = 2;
  const refusal = await refusalOf(gateway.map(request));
  assert.match(refusal.message, /granted port 20501 by NAT-PMP, not 20500; and it could not be given back: /);
  gateway.close();
});

Deno.test("a grant of port 0, or for no time, is a failure, and given back", async () => {
  for (const [place, size] of [[EXTERNAL_PORT, 2], [LIFETIME, 4]] as const) {
    await using router = new FakeRouter();
    const gateway = await open(router);
    router.habits.send = (answer) => [answer.fill(0, place, place + size)];
    assert.equal((await refusalOf(gateway.map(mappingRequest()))).fault, "failed");
    assert.deepEqual(router.table.entries(), []);
    gateway.close();
  }
});

Deno.test("a refused deletion is reported", async () => {
  await using router = new FakeRouter();
  const gateway = await open(router);
  const { external } = await gateway.map(mappingRequest());
  router.habits.deleteRefusal = 2;
  const refusal = await refusalOf(gateway.unmap(mappingRequest(), external.port));
  assert.match(refusal.message, /to delete the mapping of port 20417\/tcp: not authorized \(result 2\)$/);
  gateway.close();
});

Deno.test("pinholes and port 0, which would delete every mapping of this host, are refused before they are sent", async () => {
  await using router = new FakeRouter();
  const gateway = await open(router);
  await gateway.map(mappingRequest());
  const before = router.requests.length;
  const none = mappingRequest({ internal: { address: "127.0.0.1", port: 0 } });
  assert.equal((await refusalOf(gateway.unmap(none, 0))).fault, "unsupported");
  const pinhole = mappingRequest({ family: "ipv6", internal: { address: "::1", port: 20417 } });
  assert.equal((await refusalOf(gateway.map(pinhole))).fault, "unsupported");
  assert.equal(router.requests.length, before);
  assert.equal(router.table.entries().length, 1);
  gateway.close();
});
