import assert from "node:assert/strict";
import { classOf, developmentUseOf, isKnown, servicesOf } from "../../src/port/iana.ts";
import { isRegistered } from "../../src/port/registered.ts";
import { registeredServices } from "../../src/port/services.ts";

Deno.test("classOf() follows RFC 6335, with 0 apart", () => {
  const classes = [0, 1, 1023, 1024, 49151, 49152, 65535].map(classOf);
  assert.deepEqual(classes, ["reserved", "system", "system", "user", "user", "dynamic", "dynamic"]);
});

Deno.test("servicesOf() gives IANA's own name where there are several, and nothing for unassigned ports", async () => {
  assert.deepEqual((await servicesOf(80)).map(({ protocol, name }) => [protocol, name]), [["tcp", "http"], [
    "udp",
    "http",
  ]]);
  assert.deepEqual((await servicesOf(631)).map(({ name }) => name), ["ipp", "ipp"]);
  assert.deepEqual((await servicesOf(5432))[0], {
    protocol: "tcp",
    name: "postgresql",
    description: "PostgreSQL Database",
  });
  for (const port of [0, 15, 5173, 65535]) assert.deepEqual(await servicesOf(port), []);
});

Deno.test("isKnown() knows registered ports and those that developers take by habit", () => {
  assert.equal(developmentUseOf(5173), "Vite");
  assert.deepEqual([3000, 5173, 27017, 5432, 20100].map(isKnown), [true, true, true, true, false]);
});

Deno.test("isRegistered() agrees with the list of services for every port", () => {
  const differing: number[] = [];
  for (let port = 0; port < 65536; port++) {
    if (isRegistered(port) !== registeredServices(port).length > 0) differing.push(port);
  }
  assert.deepEqual(differing, []);
});
