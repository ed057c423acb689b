import assert from "node:assert/strict";
import type { InternetRoute } from "../../../src/adapters/adapters.ts";
import { GatewayError, type GatewayFault } from "../../../src/gateway/gateway.ts";
import { openGateway } from "../../../src/gateway/open.ts";
import { findUpnp } from "../../../src/gateway/upnp/find.ts";
import { describe, FakeIgd, httpAnswer } from "../../support/gateway/igd.ts";
import { hasIpv6Loopback } from "../../support/gateway/ipv6.ts";
import { refuses, wish } from "../../support/gateway/igd_setting.ts";

const search = (igd: FakeIgd) => ({ port: igd.searchPort, limitMs: 30_000, restMs: 0 });
const LOOPBACK6: InternetRoute = { adapter: "lo", address: "::1", gateway: "::1" };

const find = (igd: FakeIgd, signal?: AbortSignal) =>
  findUpnp({ route: igd.route, search: search(igd), signal, exchangeMs: 30_000 });

/** A second service that forwards ports, as lines have that dial in. */
const PPP = "</device></deviceList></device><device><deviceList><device><serviceList><service><serviceType>" +
  "urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType><controlURL>/ppp</controlURL></service></serviceList>";

Deno.test("the router is found with its name and its addresses", async () => {
  await using igd = new FakeIgd();
  const { family, protocol, address, localAddress, name, close } = await find(igd);
  assert.deepEqual([family, protocol, address, localAddress, name], [
    "ipv4",
    "upnp",
    igd.address,
    igd.address,
    "Fake & sound",
  ]);
  assert.equal(typeof close, "function");
});

Deno.test("of several services the one that is connected is taken", async () => {
  await using igd = new FakeIgd({ version: 1 });
  igd.more = PPP;
  assert.equal(await (await find(igd)).externalAddress(), "11.22.33.44");
  assert.deepEqual(igd.requests.map(({ path }) => path), ["/rootDesc.xml", "/control", "/control"]);
  igd.requests.splice(0);
  igd.table.faults.connectionStatus = "Disconnected";
  igd.raw = ({ path, head }) =>
    path !== "/ppp" ? undefined : httpAnswer(
      200,
      /#GetStatusInfo/.test(head)
        ? "<Envelope><Body><GetStatusInfoResponse><NewConnectionStatus>Connected</NewConnectionStatus></GetStatusInfoResponse></Body></Envelope>"
        : "<Envelope><Body><GetExternalIPAddressResponse><NewExternalIPAddress>11.1.1.1</NewExternalIPAddress></GetExternalIPAddressResponse></Body></Envelope>",
    );
  assert.equal(await (await find(igd)).externalAddress(), "11.1.1.1");
  igd.raw = ({ path }) => path === "/ppp" ? httpAnswer(500, "") : undefined;
  const first = await find(igd);
  assert.equal(await first.externalAddress(), "11.22.33.44", "the first, where none is connected");
});

Deno.test("a router without a service for the family is unsupported, a useless description a failure", async () => {
  await using igd = new FakeIgd();
  const cases: readonly (readonly [GatewayFault, RegExp, string])[] = [
    ["unsupported", /forwards no ports/, "<root><device/></root>"],
    ["failed", /document type/, "<!DOCTYPE x><root/>"],
    ["failed", /describes no device/, "<html></html>"],
  ];
  for (const [fault, reason, body] of cases) {
    igd.raw = () => httpAnswer(200, body);
    await refuses(fault, find(igd), reason);
  }
  igd.location = "http://192.0.2.1/x";
  await refuses("failed", find(igd), /its description is not on it/);
});

Deno.test("a control address on another host is never called", async () => {
  await using igd = new FakeIgd();
  igd.raw = () => httpAnswer(200, describe(2).replaceAll(">/control<", ">http://192.0.2.1/control<"));
  await refuses("unsupported", find(igd));
});

Deno.test("without a router, and where nothing answers, it is silent", async () => {
  await using igd = new FakeIgd();
  igd.isSearchable = false;
  await refuses("silent", findUpnp({ route: igd.route, search: { port: igd.searchPort, limitMs: 200 } }));
  await refuses("silent", findUpnp({ route: { ...igd.route, gateway: null } }), /has no router/);
});

Deno.test("a search that is no longer wanted ends with its reason", async () => {
  await using igd = new FakeIgd();
  igd.isSearchable = false;
  for (const reason of [new Error("enough"), new GatewayError("silent", "late")]) {
    const ending = new AbortController(), found = find(igd, ending.signal);
    ending.abort(reason);
    await assert.rejects(found, (error) => error === reason);
  }
});

Deno.test("the search for the router of any protocol finds one that speaks UPnP alone", async () => {
  await using igd = new FakeIgd();
  const { gateway } = await openGateway({
    route: igd.route,
    protocols: ["upnp"],
    finders: { upnp: (options) => findUpnp({ ...options, search: search(igd) }) },
  });
  assert.equal(gateway?.protocol, "upnp");
  gateway.close();
});

Deno.test({
  name: "over IPv6 the description that is found over IPv4 is asked for at the router's IPv6 address",
  ignore: !hasIpv6Loopback(),
  async fn() {
    await using igd = new FakeIgd({ hostname: "::" });
    const route = LOOPBACK6, ipv4Route = igd.route;
    const times = { port: igd.searchPort, limitMs: 300, restMs: 0 };
    await refuses("silent", findUpnp({ route, search: times }));
    // The search over IPv6 lasts as long as that over IPv4 may take on a busy machine.
    const gateway = await findUpnp({ route, ipv4Route, search: { ...times, limitMs: 10_000 }, exchangeMs: 30_000 });
    assert.deepEqual([gateway.family, gateway.address, gateway.localAddress], ["ipv6", "::1", "::1"]);
    assert.equal(await gateway.externalAddress(), "::1");
    const request = wish({ family: "ipv6", internal: { address: "::1", port: 8080 } });
    assert.equal((await gateway.map(request)).handle, "1");
    assert.equal(igd.table.pinholes.get(1)?.client, "::1");
    gateway.close();
    await refuses("silent", findUpnp({ route, ipv4Route: { ...ipv4Route, gateway: null }, search: times }));
  },
});
