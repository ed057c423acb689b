import assert from "node:assert/strict";
import fc from "fast-check";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { UpnpRouter } from "../../../src/gateway/upnp/client.ts";
import { httpAnswer } from "../../support/gateway/igd.ts";
import { refuses, RouterSetting, wish } from "../../support/gateway/igd_setting.ts";

Deno.test("operations run one after the other: two wishes for one port get two", async () => {
  await using setting = new RouterSetting(1);
  setting.table.faults.overwrites = true;
  const wishes = [1, 2, 3, 4].map((port) => wish({ internal: { address: "127.0.0.1", port } }));
  const granted = await Promise.all(wishes.map((each) => setting.router.map(each)));
  assert.deepEqual(granted.map(({ external }) => external.port), [8080, 8081, 8082, 8083]);
  assert.equal(setting.entries.length, 4);
});

Deno.test("an operation that waits ends with its signal, and those after it run", async () => {
  await using setting = new RouterSetting(1);
  const release = Promise.withResolvers<void>(), ending = new AbortController(), reason = new Error("enough");
  const asked = Promise.withResolvers<void>();
  setting.igd.raw = async function* () {
    asked.resolve();
    await release.promise;
    yield* httpAnswer(500, "");
  };
  const first = setting.router.look(wish(), 8080), second = setting.router.look(wish(), 8080, ending.signal);
  const third = setting.router.externalAddress();
  third.catch(() => {}); // where an assertion before fails
  ending.abort(reason);
  await assert.rejects(second, reason);
  await asked.promise;
  setting.igd.raw = () => undefined;
  release.resolve();
  assert.equal(await first, "unknown");
  assert.equal(await third, "11.22.33.44");
});

Deno.test("more operations than may wait are refused, and a closed router refuses all", async () => {
  await using setting = new RouterSetting(1);
  const release = Promise.withResolvers<void>();
  setting.igd.raw = async function* () {
    await release.promise;
    yield "";
  };
  const looks = Array.from({ length: 256 }, () => setting.router.look(wish(), 8080).catch((error) => error));
  await refuses("failed", setting.router.look(wish(), 8080), /256 operations wait/);
  setting.router.close();
  for (const error of await Promise.all(looks)) assert.match(String(error), /no longer spoken to/);
  await refuses("failed", setting.router.look(wish(), 8080), /no longer spoken to/);
  release.resolve();
});

Deno.test("an operation of many slow answers ends in time", async () => {
  await using setting = new RouterSetting(1);
  const { igd } = setting, control = { address: igd.address, port: igd.httpPort, path: "/control" };
  const home = { family: "ipv4", gateway: igd.address, localAddress: igd.address } as const;
  const service = { type: "urn:schemas-upnp-org:service:WANIPConnection:1", control } as const;
  const router = new UpnpRouter(service, home, { name: null, exchangeMs: 30_000, operationMs: 100 });
  const release = Promise.withResolvers<void>();
  igd.raw = async function* () {
    await release.promise;
    yield "";
  };
  await refuses("silent", router.look(wish(), 8080), /longer than 100 ms for one operation/);
  release.resolve();
  router.close();
});

Deno.test("whatever the table has, others' mappings stay, a fixed port is that port, and what is granted is there", async () => {
  const entry = fc.record({
    protocol: fc.constantFrom("tcp" as const, "udp" as const),
    externalPort: fc.integer({ min: 8078, max: 8084 }),
    client: fc.constantFrom("192.0.2.77", "127.0.0.1"),
    clientPort: fc.constantFrom(8080, 9),
  });
  const faults = fc.record({
    overwrites: fc.boolean(),
    renewsNothing: fc.boolean(),
    permanentOnly: fc.boolean(),
    samePortsOnly: fc.boolean(),
    makesNextPort: fc.boolean(),
    makesNothing: fc.boolean(),
    hidesLease: fc.boolean(),
  });
  const wanted = fc.record({ externalPort: fc.constantFrom(0, 8079, 8080, 8082), isFixed: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1 as const, 2 as const),
      fc.array(entry),
      faults,
      wanted,
      async (version, entries, odd, changes) => {
        await using setting = new RouterSetting(version);
        for (const each of entries) setting.table.put(each);
        // Where the router itself makes the mapping on another's port, nobody could keep it from that.
        Object.assign(setting.table.faults, { ...odd, makesNextPort: odd.makesNextPort && !odd.overwrites });
        const others = () => setting.entries.filter((text) => !text.endsWith("-> 127.0.0.1:8080"));
        const before = others(), request = wish(changes);
        try {
          const { external } = await setting.router.map(request);
          if (request.isFixed && request.externalPort !== 0) assert.equal(external.port, request.externalPort);
          assert.equal(setting.entries.includes(`tcp ${external.port} -> 127.0.0.1:8080`), true);
          await setting.router.unmap(request, external.port);
          assert.equal(setting.entries.includes(`tcp ${external.port} -> 127.0.0.1:8080`), false);
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
        }
        if (!odd.makesNextPort) assert.deepEqual(others(), before);
      },
    ),
    { numRuns: 100 },
  );
});
