/** The file's table of mappings: written before the router is asked, and found again after a kill. */
import assert from "node:assert/strict";
import type { MappingRecord } from "../../../src/gateway/record.ts";
import { insert, record, storeTest } from "../../support/store.ts";

const MAPPING: MappingRecord = {
  nonce: "0123456789abcdef01234567",
  leaseId: "01K00000000000000000000001",
  lease: "shop/web",
  family: "ipv4",
  protocol: "tcp",
  internal: { address: "192.168.1.10", port: 20_417 },
  wantedPort: null,
  askedPort: 20_417,
  external: null,
  gateway: { address: "192.168.1.1", protocol: "pcp" },
  handle: null,
  lifetimeS: 3600,
  madeAt: null,
  endsAt: null,
  leavingAt: null,
};

const PINHOLE: MappingRecord = {
  ...MAPPING,
  nonce: "f".repeat(24),
  family: "ipv6",
  protocol: "udp",
  internal: { address: "2001:db8::10", port: 20_417 },
  wantedPort: 25_565,
  external: { address: "2001:db8::10", port: 25_565 },
  gateway: { address: "fe80::1%eth0", protocol: "upnp" },
  handle: "17",
  madeAt: 1,
  endsAt: 2,
  leavingAt: 3,
};

storeTest("a mapping that was written is there when the file is opened again, with all that it has", async (open) => {
  const store = await open();
  await store.write([{ kind: "mapping", mapping: MAPPING }, { kind: "mapping", mapping: PINHOLE }]);
  await store.close();
  assert.deepEqual((await open()).mappings(), [MAPPING, PINHOLE]);
});

storeTest("a mapping is replaced by its nonce, and removed by it", async (open) => {
  const store = await open();
  await store.write([{ kind: "mapping", mapping: MAPPING }, { kind: "mapping", mapping: PINHOLE }]);
  const granted = { ...MAPPING, external: { address: null, port: 8091 }, madeAt: 5, endsAt: 6 };
  await store.write([{ kind: "mapping", mapping: granted }]);
  assert.deepEqual(store.mappings(), [granted, PINHOLE]);
  await store.write([{ kind: "forgetMapping", nonce: MAPPING.nonce }]);
  await store.write([{ kind: "forgetMapping", nonce: MAPPING.nonce }]);
  assert.deepEqual(store.mappings(), [PINHOLE]);
});

storeTest("a mapping that cannot be is refused alone, and leases of the same group are written", async (open) => {
  const store = await open();
  const bad = { ...MAPPING, nonce: "short" };
  const results = await Promise.allSettled([
    store.write([{ kind: "mapping", mapping: bad }]),
    store.write(insert(record("A", 3000))),
  ]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "fulfilled"]);
  assert.deepEqual([store.mappings(), store.liveLeases().length], [[], 1]);
});

storeTest("an exposure of the portd before has no gateway", async (open) => {
  const exposure = { firewall: { direction: "in", profiles: ["private"], remote: ["any"] } } as never;
  const store = await open();
  await store.write(insert(record("A", 3000, { exposure })));
  await store.close();
  const [lease] = (await open()).liveLeases();
  assert.equal(lease!.exposure!.gateway, null);
  assert.deepEqual(lease!.exposure!.firewall.remote, ["any"]);
});
