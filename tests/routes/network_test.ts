import assert from "node:assert/strict";
import { NETWORK } from "../../src/client/outside_shapes.ts";
import { appTest, openTestApp } from "../support/app.ts";
import { FakeMachine } from "../support/machine.ts";
import { homeNetwork } from "../support/network.ts";

Deno.test("GET /network answers the adapters, the way to the internet, and the commands", async () => {
  await using app = await openTestApp({ machine: new FakeMachine() });
  const { status, body } = await app.call("/v1/network");
  assert.equal(status, 200);
  assert.deepEqual(body, homeNetwork());
  assert.equal(NETWORK.faultOf(body), undefined);
  assert.match(body.fixCommands.join(), /^sudo nmcli con mod /);
});

appTest("GET /network refuses a query", async (app) => {
  const { status, body } = await app.call("/v1/network?adapter=eth0");
  assert.deepEqual([status, body.code], [400, "invalid_request"]);
});

Deno.test("GET /network is closed where callers need the token for everything", async () => {
  await using app = await openTestApp({ anonymous: "none" });
  assert.equal((await app.call("/v1/network")).status, 401);
});

Deno.test("GET /network answers each time what is there now", async () => {
  const machine = new FakeMachine();
  await using app = await openTestApp({ machine });
  machine.network = homeNetwork({ name: "wlan0", kind: "wifi" });
  const { body } = await app.call("/v1/network");
  assert.equal(body.internet.ipv4.adapter, "wlan0");
});
