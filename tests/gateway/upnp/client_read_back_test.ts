import assert from "node:assert/strict";
import { httpAnswer } from "../../support/gateway/igd.ts";
import { refuses, RouterSetting, wish } from "../../support/gateway/igd_setting.ts";

Deno.test("a router that accepts a mapping and makes none is found out", async () => {
  for (const version of [1, 2] as const) {
    await using setting = new RouterSetting(version);
    setting.table.faults.makesNothing = true;
    await refuses(
      "failed",
      setting.router.map(wish()),
      /accepted the mapping of external port 8080, but has not made it/,
    );
  }
});

Deno.test("a router that maps another external port is found out: the port is taken as it is, or given back", async () => {
  await using setting = new RouterSetting(1);
  setting.table.faults.makesNextPort = true;
  assert.equal((await setting.router.map(wish())).external.port, 8081);
  await refuses(
    "port_taken",
    setting.router.map(wish({ externalPort: 9000, isFixed: true })),
    /8081 in the place of 9000/,
  );
  setting.table.forget();
  await refuses(
    "port_taken",
    setting.router.map(wish({ externalPort: 9000, isFixed: true })),
    /9001 in the place of 9000/,
  );
  assert.deepEqual(setting.entries, []);
});

Deno.test("a router that leads to another internal port, or makes the mapping disabled, is found out, and cleaned up", async () => {
  await using setting = new RouterSetting(1);
  setting.table.faults.leadsToNextPort = true;
  await refuses("failed", setting.router.map(wish()), /leads? to 127\.0\.0\.1:8081/);
  assert.deepEqual(setting.entries, []);
  setting.table.faults = { ...setting.table.faults, leadsToNextPort: false, makesDisabled: true };
  await refuses("failed", setting.router.map(wish()), /disabled/);
  assert.deepEqual(setting.entries, []);
});

Deno.test("a router that refuses to renew has its own mapping replaced", async () => {
  await using setting = new RouterSetting(1);
  await setting.router.map(wish({ lifetimeS: 60 }));
  setting.table.faults.renewsNothing = true;
  assert.deepEqual((await setting.router.map(wish({ lifetimeS: 600 }))).lifetimeS, 600);
  assert.deepEqual(setting.entries, ["tcp 8080 -> 127.0.0.1:8080"]);
});

Deno.test("what cannot be read back is what the router has said", async () => {
  await using setting = new RouterSetting(1);
  setting.igd.raw = ({ head }) => /GetSpecific/.test(head) ? httpAnswer(500, "<html>oops") : undefined;
  assert.deepEqual(await setting.router.map(wish()), {
    external: { address: "11.22.33.44", port: 8080 },
    lifetimeS: 3600,
  });
});

Deno.test("only what leads to our own address and port is deleted", async () => {
  await using setting = new RouterSetting(1);
  for (const [client, clientPort] of [["192.0.2.1", 8080], ["127.0.0.1", 8081], ["my-pc", 8080]] as const) {
    setting.table.put({ protocol: "tcp", externalPort: 8080, client, clientPort });
    await setting.router.unmap(wish(), 8080);
    assert.deepEqual(setting.entries, [`tcp 8080 -> ${client}:${clientPort}`]);
    assert.equal(await setting.router.look(wish(), 8080), client === "my-pc" ? "unknown" : "foreign");
  }
  await setting.router.unmap(wish({ protocol: "udp" }), 8080);
  setting.table.put({ protocol: "tcp", externalPort: 8080, client: "127.0.0.1", clientPort: 8080 });
  await setting.router.unmap(wish(), 8080);
  assert.deepEqual(setting.entries, []);
});

Deno.test("where one entry cannot be read, the table is; where that cannot be read either, nothing is deleted", async () => {
  await using setting = new RouterSetting(1);
  await setting.router.map(wish());
  setting.table.put({ protocol: "tcp", externalPort: 7000 });
  setting.table.faults.errors = { GetSpecificPortMappingEntry: 401, GetGenericPortMappingEntry: 606 };
  setting.calls();
  await refuses("unsupported", setting.router.unmap(wish(), 8080), /does not show whose it is/);
  assert.equal(setting.calls().includes("DeletePortMapping"), false);
  setting.table.faults.errors = { GetSpecificPortMappingEntry: 401 };
  await setting.router.unmap(wish(), 7000);
  await setting.router.unmap(wish(), 8080);
  assert.deepEqual(setting.entries, ["tcp 7000 -> 192.0.2.77:7777"]);
});

Deno.test("a table without end is not read for ever", async () => {
  await using setting = new RouterSetting(1);
  for (let port = 1; port <= 400; port++) setting.table.put({ protocol: "udp", externalPort: port });
  setting.table.faults.errors = { GetSpecificPortMappingEntry: 401 };
  await refuses("unsupported", setting.router.unmap(wish(), 8080));
  assert.equal(setting.calls().length, 1 + 256);
});

Deno.test("a mapping that ends between its reading and its deletion is no error", async () => {
  await using setting = new RouterSetting(1);
  await setting.router.map(wish());
  setting.table.faults.errors = { DeletePortMapping: 714 };
  await setting.router.unmap(wish(), 8080);
  setting.table.faults.errors = { DeletePortMapping: 606 };
  await refuses("not_authorized", setting.router.unmap(wish(), 8080));
});

Deno.test("a table that was lost is seen by a look, and the mapping is made again", async () => {
  await using setting = new RouterSetting(1);
  await setting.router.map(wish());
  assert.equal(await setting.router.look(wish(), 8080), "set");
  setting.table.forget();
  assert.equal(await setting.router.look(wish(), 8080), "gone");
  assert.equal(await setting.router.hasForgotten(), false);
  await setting.router.map(wish());
  assert.equal(await setting.router.look(wish(), 8080), "set");
});

Deno.test("the external address is null where the router has none", async () => {
  await using setting = new RouterSetting(1);
  assert.equal(await setting.router.externalAddress(), "11.22.33.44");
  for (const address of ["", "0.0.0.0", "not an address", "::1", "11.22.33"]) {
    setting.table.faults.externalAddress = address;
    assert.equal(await setting.router.externalAddress(), null, address);
    assert.equal((await setting.router.map(wish())).external.address, null);
  }
  setting.table.faults.errors = { GetExternalIPAddress: 501 };
  await refuses("no_resources", setting.router.externalAddress());
  setting.table.faults.connectionStatus = "Disconnected";
  assert.equal(await setting.router.externalAddress(), null);
});

Deno.test("a description of a lease is sent as ASCII that needs no escapes", async () => {
  await using setting = new RouterSetting(1);
  await setting.router.map(wish({ description: `店/web <&>"'\n${"x".repeat(200)}` }));
  assert.equal(setting.table.entries[0]?.description, `?/web ??????${"x".repeat(52)}`);
});

Deno.test("odd bodies with HTTP 500 are errors in words", async () => {
  await using setting = new RouterSetting(1);
  for (const body of ["", "<html>Internal Server Error", "{}", "<s:Envelope/>", "<a>".repeat(9), "\0".repeat(100)]) {
    setting.igd.raw = ({ head }) => /#AddPortMapping/.test(head) ? httpAnswer(500, body, "text/html") : undefined;
    await refuses("failed", setting.router.map(wish()), /HTTP status 500/);
  }
});
