import assert from "node:assert/strict";
import fc from "fast-check";
import { parsePortList } from "../../src/os/ports.ts";
import type { PortRange } from "../../src/port/port.ts";
import { formatPortList, intersect, subtract, unite } from "../../src/service/linux/port_set.ts";
import {
  type KernelSettings,
  mergeReserved,
  type Reservation,
  ReservedPorts,
} from "../../src/service/linux/reserved_ports.ts";
import { temporaryFolder } from "../support/folder.ts";

const port = fc.integer({ min: 1, max: 40 });
const ranges = fc.array(
  fc.tuple(port, port).map(([one, other]): PortRange => ({ first: Math.min(one, other), last: Math.max(one, other) })),
  { maxLength: 6 },
);

function portsOf(list: readonly PortRange[]): Set<number> {
  return new Set(list.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)));
}

Deno.test("sets of ports do what sets do, and their ranges are in order and apart", () => {
  fc.assert(fc.property(ranges, ranges, (one, other) => {
    const [a, b] = [portsOf(one), portsOf(other)];
    assert.deepEqual(portsOf(unite([...one, ...other])), a.union(b));
    assert.deepEqual(portsOf(subtract(one, other)), a.difference(b));
    assert.deepEqual(portsOf(intersect(one, other)), a.intersection(b));
    for (const list of [unite(one), subtract(one, other), intersect(one, other)]) {
      assert.ok(list.every(({ first, last }, i) => first <= last && (i === 0 || list[i - 1]!.last + 1 < first)));
      assert.deepEqual(parsePortList(formatPortList(list)), list);
    }
  }));
});

Deno.test("what others have reserved stays reserved, whatever portd adds and takes back", () => {
  fc.assert(fc.property(ranges, fc.array(ranges), (others, wishes) => {
    let state: Reservation = { reserved: unite(others), ours: [] };
    for (const wanted of wishes) {
      state = mergeReserved(state, wanted);
      assert.deepEqual(state.reserved, unite([...others, ...wanted]));
      assert.deepEqual(state.ours, subtract(wanted, others));
    }
    assert.deepEqual(mergeReserved(state, []), { reserved: unite(others), ours: [] });
  }));
});

const LIST = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/** A kernel whose list begins with what an administrator has reserved. */
function fakeKernel(list: string): { readonly settings: KernelSettings; list: string; writes: number } {
  const kernel = {
    list,
    writes: 0,
    settings: {
      read: (path: string) => path === LIST ? `${kernel.list}\n` : "32768\t60999\n",
      write(path: string, text: string) {
        assert.equal(path, LIST);
        kernel.list = text.trim();
        kernel.writes++;
      },
    },
  };
  return kernel;
}

Deno.test("only ports of the ephemeral range are reserved, once, and given back", async () => {
  await using folder = await temporaryFolder();
  const kernel = fakeKernel("8080,33000-33010");
  const ports = new ReservedPorts(`${folder.path}/portd/reserved_ports`, () => kernel.settings);
  assert.equal(ports.ours(), undefined);
  ports.set([{ first: 30000, last: 33005 }]);
  assert.equal(kernel.list, "8080,32768-33010");
  assert.deepEqual(ports.ours(), [{ first: 32768, last: 32999 }]);
  ports.set([{ first: 30000, last: 33005 }]); // the next start
  assert.equal(kernel.writes, 1);
  kernel.list = "8080,32768-33010,50000"; // the administrator
  ports.set([{ first: 60000, last: 65535 }]); // another pool
  assert.equal(kernel.list, "8080,33000-33010,50000,60000-60999");
  ports.giveBack();
  assert.equal(kernel.list, "8080,33000-33010,50000");
  assert.equal(ports.ours(), undefined);
});

Deno.test("a pool below the ephemeral range reserves nothing", async () => {
  await using folder = await temporaryFolder();
  const kernel = fakeKernel("");
  const ports = new ReservedPorts(`${folder.path}/portd/reserved_ports`, () => kernel.settings);
  ports.set([{ first: 20000, last: 29999 }]);
  assert.deepEqual([kernel.writes, ports.ours()], [0, []]);
});

Deno.test("after a start of the machine, where what was remembered is gone, nothing of others is taken for portd's", async () => {
  await using folder = await temporaryFolder();
  const kernel = fakeKernel("32768-32800");
  const ports = new ReservedPorts(`${folder.path}/portd/reserved_ports`, () => kernel.settings);
  ports.set([{ first: 32700, last: 32900 }]);
  ports.giveBack();
  assert.equal(kernel.list, "32768-32800");
});

Deno.test("a kernel that refuses is told, and what it was asked for stays remembered", async () => {
  await using folder = await temporaryFolder();
  const { settings } = fakeKernel("");
  const write = () => {
    throw new Error(`Cannot write ${LIST}: errno 30`);
  };
  const ports = new ReservedPorts(`${folder.path}/portd/reserved_ports`, () => ({ ...settings, write }));
  assert.throws(() => ports.set([{ first: 40000, last: 40001 }]), /Cannot write .*errno 30/);
  assert.deepEqual(ports.ours(), [{ first: 40000, last: 40001 }]);
});
