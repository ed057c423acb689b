import assert from "node:assert/strict";
import { PortdError } from "../../src/errors.ts";
import { clearRules } from "../../src/firewall/backend.ts";
import { FakeFirewall } from "../support/firewall.ts";
import { rule } from "./conformance.ts";

const OWNER = "0a1b2c3d", OTHER = "ffffffff";

Deno.test("clearRules() removes all rules of its portd, and no others", async () => {
  const firewall = new FakeFirewall();
  firewall.foreign = ["ssh"];
  firewall.set(OWNER, rule(80), rule(81));
  firewall.set(OTHER, rule(82));
  assert.deepEqual(await clearRules(firewall.backend(OWNER)), ["portd-in-tcp-80", "portd-in-tcp-81"]);
  assert.deepEqual(firewall.rules.map(({ name }) => name), ["portd-in-tcp-82"]);
  assert.deepEqual(await clearRules(firewall.backend(OWNER)), []);
  assert.equal(firewall.applied.length, 1);
});

Deno.test("clearRules() says so when the firewall cannot be read", async () => {
  const firewall = new FakeFirewall();
  firewall.failure = new PortdError("firewall_unavailable", "Cannot read the firewall: nft needs root");
  await assert.rejects(clearRules(firewall.backend(OWNER)), { code: "firewall_unavailable" });
});
