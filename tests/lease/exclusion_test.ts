import assert from "node:assert/strict";
import { excluderOf, poolPorts } from "../../src/lease/exclusion.ts";

const ephemeral = { first: 32768, last: 60999 };
const os = { ephemeral, reserved: [], excluded: [] };
const base = { exclude: [], os, hasHolds: true };

Deno.test("the default pool leaves out registered and well-known ports and warns of nothing", () => {
  const { ports, warnings } = poolPorts({ ...base, pool: [{ first: 20000, last: 29999 }] });
  assert.deepEqual(warnings, []);
  assert.ok(ports.length > 9500 && ports.length < 10_000);
  for (const taken of [20000, /* DNP */ 27017, /* MongoDB */ 25565 /* Minecraft */]) assert.ok(!ports.includes(taken));
  assert.deepEqual([...ports].sort((a, b) => a - b), ports);
});

Deno.test("configured exclusions and overlapping ranges count once", () => {
  const pool = [{ first: 20100, last: 20109 }, { first: 20105, last: 20114 }];
  const { ports } = poolPorts({ ...base, pool, exclude: [{ first: 20102, last: 20110 }] });
  assert.deepEqual(ports, [20100, 20101, 20111, 20112, 20113, 20114]);
});

Deno.test("a pool of registered ports alone is used all the same, with a warning", () => {
  const { ports, warnings } = poolPorts({ ...base, pool: [{ first: 3306, last: 3306 }] });
  assert.deepEqual(ports, [3306]);
  assert.match(warnings.join(), /every port of the pool is registered/);
});

Deno.test("a pool that meets the ephemeral range is kept where holds are, and cut where they are not", () => {
  const meeting = {
    ...base,
    pool: [{ first: 20100, last: 20110 }],
    os: { ...os, ephemeral: { first: 20108, last: 60999 } },
  };
  const withHolds = poolPorts(meeting);
  assert.ok(withHolds.ports.includes(20110));
  assert.match(withHolds.warnings.join(), /3 ports of the pool are in the ephemeral range 20108-60999/);
  const without = poolPorts({ ...meeting, hasHolds: false });
  assert.deepEqual([without.ports.includes(20107), without.ports.includes(20108)], [true, false]);
});

Deno.test("in WSL a pool that meets that of portd on Windows is a warning", () => {
  const warningsOf = (first: number) => poolPorts({ ...base, pool: [{ first, last: 20_000 }], isWsl: true }).warnings;
  assert.match(warningsOf(19_990).join(), /the pool meets 20000-29999, which portd on Windows has: both may grant/);
  assert.deepEqual(poolPorts({ ...base, pool: [{ first: 10_000, last: 19_999 }], isWsl: true }).warnings, []);
});

Deno.test("an empty pool is a warning", () => {
  const { ports, warnings } = poolPorts({
    ...base,
    pool: [{ first: 20100, last: 20100 }],
    exclude: [{ first: 1, last: 65535 }],
  });
  assert.deepEqual(ports, []);
  assert.match(warnings.join(), /the pool is empty/);
});

Deno.test("what the OS excludes is left out of the pool with a warning", () => {
  const excluded = [{ first: 20101, last: 20102, protocol: "tcp" }] as const;
  const { ports, warnings } = poolPorts({ ...base, pool: [{ first: 20100, last: 20103 }], os: { ...os, excluded } });
  assert.deepEqual(ports, [20100, 20103]);
  assert.match(warnings.join(), /2 ports of the pool are excluded by the system/);
});

Deno.test("ports that an administrator has kept out of the ephemeral range are in the pool, holds or not", () => {
  const meeting = { ...os, ephemeral: { first: 20108, last: 60999 }, reserved: [{ first: 20100, last: 20120 }] };
  const { ports, warnings } = poolPorts({
    ...base,
    pool: [{ first: 20100, last: 20110 }],
    os: meeting,
    hasHolds: false,
  });
  assert.ok(ports.includes(20110));
  assert.deepEqual(warnings, []);
});

Deno.test("every ephemeral range counts, also that of UDP or IPv6 alone", () => {
  const other = { ...os, ephemeral: { first: 49152, last: 65535 }, otherEphemeral: [{ first: 20105, last: 20200 }] };
  const { ports } = poolPorts({ ...base, pool: [{ first: 20100, last: 20110 }], os: other, hasHolds: false });
  assert.deepEqual(ports, [20100, 20101, 20102, 20103, 20104]);
});

Deno.test("ports that some programs cannot bind are left out, unless they are most of the pool", () => {
  const pool = [{ first: 20100, last: 20103 }];
  const avoiding = (first: number, last: number) =>
    poolPorts({ ...base, pool, os: { ...os, avoided: [{ first, last }] } }).ports;
  assert.deepEqual(avoiding(20102, 20200), [20100, 20101]);
  assert.deepEqual(avoiding(20101, 20200), [20100, 20101, 20102, 20103]);
});

Deno.test("what could not be read of the system is a warning", () => {
  const { warnings } = poolPorts({
    ...base,
    pool: [{ first: 20100, last: 20103 }],
    os: { ...os, warnings: ["no netsh"] },
  });
  assert.deepEqual(warnings, ["no netsh"]);
});

Deno.test("excluderOf() names the range that Windows has given away", () => {
  const excluded = [{ first: 20101, last: 20200, protocol: "tcp" }] as const;
  assert.match(excluderOf(20105, { excluded }), /^Windows \(20101-20200\/tcp, for Hyper-V, WinNAT or another/);
});
