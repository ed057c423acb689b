import assert from "node:assert/strict";
import type { MappingRequest } from "../../../src/gateway/gateway.ts";
import { FakeClock } from "../../support/clock.ts";
import { encodeAnswer, FakeIgd, httpAnswer } from "../../support/gateway/igd.ts";
import { firewallOf } from "../../support/gateway/igd_conformance.ts";
import { refuses } from "../../support/gateway/igd_setting.ts";

/** A router that makes pinholes, and its client. It is called over IPv4: not every machine has IPv6 on its loopback. */
function setUp() {
  const clock = new FakeClock(), igd = new FakeIgd({ clock }), firewall = firewallOf(igd);
  return {
    clock,
    igd,
    firewall,
    table: igd.table,
    async [Symbol.asyncDispose]() {
      firewall.close();
      await igd[Symbol.asyncDispose]();
    },
  };
}

const wish = (changes: Partial<MappingRequest> = {}): MappingRequest => ({
  family: "ipv6",
  protocol: "tcp",
  internal: { address: "127.0.0.1", port: 8080 },
  nonce: "0".repeat(24),
  externalPort: 8080,
  isFixed: false,
  lifetimeS: 3600,
  description: "portd shop/web",
  ...changes,
});

Deno.test("a pinhole is granted with its id, and renewed and deleted by it", async () => {
  await using setting = setUp();
  const { firewall, table, clock } = setting;
  const granted = await firewall.map(wish());
  assert.deepEqual(granted, { external: { address: "127.0.0.1", port: 8080 }, lifetimeS: 3600, handle: "1" });
  clock.advance(3_000_000);
  assert.equal((await firewall.map(wish({ handle: "1" }))).handle, "1");
  clock.advance(3_000_000);
  assert.equal(table.pinholes.size, 1, "it was renewed");
  await firewall.unmap(wish({ handle: "1" }), 8080);
  assert.equal(table.pinholes.size, 0);
  await firewall.unmap(wish({ handle: "1" }), 8080);
});

Deno.test("a pinhole whose id was never written down is deleted all the same", async () => {
  await using setting = setUp();
  const { firewall, table } = setting;
  await firewall.map(wish());
  await firewall.map(wish({ protocol: "udp" }));
  await firewall.unmap(wish(), 8080);
  assert.deepEqual([...table.pinholes.keys()], [2]);
  await firewall.unmap(wish(), 8080);
  assert.deepEqual([...table.pinholes.keys()], [2]);
});

Deno.test("a router that has lost its table gives a new id, and another's id is not touched", async () => {
  await using setting = setUp();
  const { firewall, table } = setting;
  await firewall.map(wish());
  table.forget();
  await firewall.map(wish({ protocol: "udp" })); // takes the id
  const again = await firewall.map(wish({ handle: "1" }));
  assert.equal(again.handle, "2");
  assert.equal(table.pinholes.get(1)?.protocolNumber, 17);
  await firewall.unmap(wish({ handle: "1" }), 8080); // the id that it had before
  assert.deepEqual([...table.pinholes.keys()], [1]);
});

Deno.test("a router that refuses a renewal once, as its rules were lost, is asked again", async () => {
  await using setting = setUp();
  const { firewall, igd, table } = setting;
  await firewall.map(wish());
  table.forget();
  let refusals = 0;
  igd.raw = ({ head }) => /#AddPinhole/.test(head) && refusals++ === 0 ? encodeAnswer("AddPinhole", 701) : undefined;
  assert.equal((await firewall.map(wish({ handle: "1" }))).handle, "1");
  assert.equal(table.pinholes.size, 1);
  refusals = 0;
  await refuses("no_resources", firewall.map(wish({ protocol: "udp" })), /error 701/);
});

Deno.test("a look knows a pinhole by its id", async () => {
  await using setting = setUp();
  const { firewall, table } = setting;
  assert.equal(await firewall.look(wish(), 8080), "unknown");
  await firewall.map(wish());
  const look = () => firewall.look(wish({ handle: "1" }), 8080);
  assert.equal(await look(), "set");
  for (
    const [error, expected] of [[709, "set"], [606, "foreign"], [402, "gone"], [704, "gone"], [501, "unknown"]] as const
  ) {
    table.faults.errors = { GetPinholePackets: error };
    assert.equal(await look(), expected, String(error));
  }
  table.faults.errors = {};
  table.forget();
  assert.equal(await look(), "gone");
});

Deno.test("where the firewall lets everything in there is nothing to open, and the grant has no handle", async () => {
  await using setting = setUp();
  const { firewall, table } = setting;
  table.faults.firewallEnabled = false;
  const { handle, lifetimeS } = await firewall.map(wish());
  assert.deepEqual([handle, lifetimeS], [undefined, 3600]);
  assert.equal(await firewall.look(wish(), 8080), "set");
  await firewall.unmap(wish(), 8080);
  assert.equal(table.calls.every(({ action }) => action === "GetFirewallStatus"), true);
  table.faults = { ...table.faults, firewallEnabled: true, errors: { AddPinhole: 702 } };
  assert.equal((await firewall.map(wish())).handle, undefined, "it was switched off in this moment");
});

Deno.test("refusals are faults", async () => {
  await using setting = setUp();
  const { firewall, table } = setting;
  table.faults.inboundPinholeAllowed = false;
  await refuses("not_authorized", firewall.map(wish()), /takes? no pinholes/);
  table.faults.inboundPinholeAllowed = true;
  const faults = {
    501: "no_resources",
    606: "not_authorized",
    701: "no_resources",
    703: "not_authorized",
    705: "unsupported",
  } as const;
  for (const [code, fault] of Object.entries(faults)) {
    table.faults.errors = { AddPinhole: Number(code) };
    await refuses(fault, firewall.map(wish()), new RegExp(`error ${code}`));
  }
  table.faults.errors = { DeletePinhole: 501 };
  await refuses("no_resources", firewall.unmap(wish({ handle: "1" }), 8080));
  table.faults.errors = { GetFirewallStatus: 401 };
  await refuses("unsupported", firewall.map(wish()));
});

Deno.test({
  name: "a pinhole is asked for from the address that it opens",
  ignore: Deno.build.os !== "linux", // has all of 127.0.0.0/8
  async fn() {
    await using setting = setUp();
    const { firewall, table } = setting;
    await firewall.map(wish({ internal: { address: "127.0.0.9", port: 8080 } }));
    assert.equal(table.pinholes.get(1)?.client, "127.0.0.9");
    assert.equal(table.calls.every(({ from }) => from === "127.0.0.9"), true);
  },
});

Deno.test("the port of a pinhole is the internal one, and another that is fixed is refused", async () => {
  await using setting = setUp();
  const { firewall, table } = setting;
  await refuses(
    "port_taken",
    firewall.map(wish({ externalPort: 80, isFixed: true })),
    /external port 80 cannot be had/,
  );
  assert.equal(table.calls.length, 0);
  assert.equal((await firewall.map(wish({ externalPort: 80 }))).external.port, 8080);
  assert.equal((await firewall.map(wish({ externalPort: 0, isFixed: true }))).external.port, 8080);
});

Deno.test("a lease is a second at the least and a day at the most, and an id is a number", async () => {
  await using setting = setUp();
  const { firewall, igd } = setting;
  assert.equal((await firewall.map(wish({ lifetimeS: 1e9 }))).lifetimeS, 86_400);
  assert.equal((await firewall.map(wish({ protocol: "udp", lifetimeS: 0 }))).lifetimeS, 1);
  const answer = (id: string) =>
    httpAnswer(
      200,
      `<Envelope><Body><AddPinholeResponse><UniqueID>${id}</UniqueID></AddPinholeResponse></Body></Envelope>`,
    );
  for (const id of ["", "x", "-1", "65536", "123456", "1 OR 2"]) {
    igd.raw = ({ head }) => /#AddPinhole/.test(head) ? answer(id) : undefined;
    await refuses("failed", firewall.map(wish()), /has no id/);
  }
});
