import assert from "node:assert/strict";
import type { GatewayFault } from "../../../src/gateway/gateway.ts";
import { refuses, RouterSetting, wish } from "../../support/gateway/igd_setting.ts";

Deno.test("a mapping is read before it is made, and read back afterwards", async () => {
  await using setting = new RouterSetting(1);
  assert.deepEqual(await setting.router.map(wish()), {
    external: { address: "11.22.33.44", port: 8080 },
    lifetimeS: 3600,
  });
  assert.deepEqual(setting.calls(), [
    "GetSpecificPortMappingEntry",
    "AddPortMapping",
    "GetSpecificPortMappingEntry",
    "GetExternalIPAddress",
  ]);
  assert.equal(setting.table.entries[0]?.description, "portd shop/web");
});

Deno.test("any external port is the internal one, and never the wildcard that opens all", async () => {
  for (const version of [1, 2] as const) {
    await using setting = new RouterSetting(version);
    assert.equal((await setting.router.map(wish({ externalPort: 0 }))).external.port, 8080);
    assert.equal(setting.table.calls.some(({ values }) => values.get("NewExternalPort") === "0"), false);
  }
});

Deno.test("IGDv2 chooses the port itself, but for one that is fixed or is renewed", async () => {
  await using setting = new RouterSetting(2);
  setting.table.put({ protocol: "tcp", externalPort: 8080 });
  assert.equal((await setting.router.map(wish())).external.port, 8081);
  assert.equal(setting.calls().includes("AddAnyPortMapping"), true);
  assert.equal((await setting.router.map(wish({ externalPort: 8081 }))).external.port, 8081);
  assert.equal((await setting.router.map(wish({ externalPort: 9000, isFixed: true }))).external.port, 9000);
  assert.equal(setting.calls().includes("AddAnyPortMapping"), false);
});

Deno.test("an IGDv2 without AddAnyPortMapping is asked as an IGDv1", async () => {
  await using setting = new RouterSetting(2);
  for (const error of [401, 602]) {
    setting.table.faults.errors = { AddAnyPortMapping: error };
    setting.table.put({ protocol: "tcp", externalPort: 8080 });
    assert.equal((await setting.router.map(wish())).external.port, 8081);
    setting.table.forget();
  }
});

Deno.test("error 718 leads to the next external port, after a bounded number of tries to an error", async () => {
  await using setting = new RouterSetting(1);
  for (let port = 8080; port < 8084; port++) setting.table.put({ protocol: "tcp", externalPort: port });
  setting.table.faults.errors = { GetSpecificPortMappingEntry: 501 };
  assert.equal((await setting.router.map(wish())).external.port, 8084);
  await refuses("port_taken", setting.router.map(wish({ isFixed: true })), /ConflictInMappingEntry|error 718/);
  setting.table.faults.errors = { AddPortMapping: 718 };
  setting.calls();
  await refuses("port_taken", setting.router.map(wish({ externalPort: 65530 })), /none of the 16 external ports/);
  const tried = setting.table.calls.filter(({ action }) => action === "AddPortMapping");
  assert.deepEqual(tried.slice(4, 8).map(({ values }) => values.get("NewExternalPort")), [
    "65534",
    "65535",
    "1024",
    "1025",
  ]);
});

Deno.test("another host's mapping is not written over by a router that would do that", async () => {
  for (const version of [1, 2] as const) {
    await using setting = new RouterSetting(version);
    setting.table.faults.overwrites = true;
    setting.table.put({ protocol: "tcp", externalPort: 8080 });
    if (version === 2) setting.table.faults.errors = { AddAnyPortMapping: 401 };
    assert.equal((await setting.router.map(wish())).external.port, 8081);
    await refuses(
      "port_taken",
      setting.router.map(wish({ isFixed: true })),
      /8080 of the router leads to 192\.0\.2\.77:7777/,
    );
    assert.deepEqual(setting.entries, ["tcp 8080 -> 192.0.2.77:7777", "tcp 8081 -> 127.0.0.1:8080"]);
  }
});

Deno.test("another mapping of this host is not written over either", async () => {
  await using setting = new RouterSetting(1);
  setting.table.put({ protocol: "tcp", externalPort: 8080, client: "127.0.0.1", clientPort: 9 });
  assert.equal((await setting.router.map(wish())).external.port, 8081);
});

Deno.test("error 725 leads to a lease without end, which the read-back confirms", async () => {
  for (const version of [1, 2] as const) {
    await using setting = new RouterSetting(version);
    setting.table.faults.permanentOnly = true;
    assert.equal((await setting.router.map(wish({ isFixed: true }))).lifetimeS, null);
    assert.equal((await setting.router.map(wish({ externalPort: 8090 }))).lifetimeS, null);
    assert.equal(setting.table.entries.every(({ endsAt }) => endsAt === null), true);
  }
});

Deno.test("a router that knows no leases and says 402 is asked once more without one", async () => {
  await using setting = new RouterSetting(1);
  setting.table.faults.errors = { AddPortMapping: 402 };
  await refuses("failed", setting.router.map(wish()), /error 402/);
  const leases = setting.table.calls.filter(({ action }) => action === "AddPortMapping");
  assert.deepEqual(leases.map(({ values }) => values.get("NewLeaseDuration")), ["3600", "0"]);
});

Deno.test("lease 0 is without end in IGDv1 and a week in IGDv2, also where the lease is not read back", async () => {
  for (const [version, lifetimeS] of [[1, null], [2, 604_800]] as const) {
    await using setting = new RouterSetting(version);
    setting.table.faults.errors = { GetSpecificPortMappingEntry: 401 };
    setting.table.faults.permanentOnly = true;
    assert.equal((await setting.router.map(wish({ isFixed: true }))).lifetimeS, lifetimeS);
  }
});

Deno.test("the lease is what is read back; one that is said to be longer, or 0, is renewed in the time that was asked for", async () => {
  await using setting = new RouterSetting(1);
  setting.table.faults.longestLeaseS = 120;
  assert.equal((await setting.router.map(wish())).lifetimeS, 120);
  setting.table.faults.hidesLease = true;
  assert.equal((await setting.router.map(wish())).lifetimeS, 3600);
  setting.table.faults = { ...setting.table.faults, hidesLease: false, longestLeaseS: 1e9, shortestLeaseS: 7200 };
  assert.equal((await setting.router.map(wish())).lifetimeS, 3600);
  setting.table.faults.shortestLeaseS = 1;
  assert.equal((await setting.router.map(wish({ lifetimeS: 1e9 }))).lifetimeS, 604_800);
  assert.equal((await setting.router.map(wish({ lifetimeS: 0.5 }))).lifetimeS, 1);
});

Deno.test("error 724 leads to the internal port, unless another one is fixed", async () => {
  await using setting = new RouterSetting(1);
  setting.table.faults.samePortsOnly = true;
  assert.equal((await setting.router.map(wish({ externalPort: 80 }))).external.port, 8080);
  await refuses("port_taken", setting.router.map(wish({ externalPort: 80, isFixed: true })), /error 724/);
  setting.table.forget();
  setting.table.put({ protocol: "tcp", externalPort: 8080 });
  await refuses("port_taken", setting.router.map(wish()));
});

Deno.test("a system port that the router does not map leads to another one, unless it is fixed", async () => {
  await using setting = new RouterSetting(1);
  setting.table.faults.firstPort = 1024;
  assert.equal((await setting.router.map(wish({ externalPort: 80 }))).external.port, 8080);
  const web = wish({ externalPort: 0, internal: { address: "127.0.0.1", port: 443 } });
  assert.equal((await setting.router.map(web)).external.port, 8443);
  await refuses("not_authorized", setting.router.map({ ...web, externalPort: 443, isFixed: true }), /error 606/);
});

Deno.test("every other refusal is its fault, and ends the attempt", async () => {
  await using setting = new RouterSetting(1);
  const faults: Readonly<Record<number, GatewayFault>> = {
    401: "unsupported",
    501: "no_resources",
    602: "unsupported",
    606: "not_authorized",
    716: "unsupported",
    726: "unsupported",
    727: "unsupported",
    728: "no_resources",
    899: "failed",
  };
  for (const [code, fault] of Object.entries(faults)) {
    setting.table.faults.errors = { AddPortMapping: Number(code) };
    setting.calls();
    await refuses(fault, setting.router.map(wish()), new RegExp(`error ${code}`));
    assert.deepEqual(setting.calls(), ["GetSpecificPortMappingEntry", "AddPortMapping"]);
  }
});
