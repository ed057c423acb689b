/** The adapters of Windows: bytes of GetAdaptersAddresses, and the facts that are made of them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { assemble } from "../../src/adapters/windows/assemble.ts";
import {
  type AdapterAddresses,
  parseAdapterAddresses,
  type UnicastAddress,
} from "../../src/adapters/windows/structures.ts";
import { readHex } from "../support/hex.ts";

/** Where the buffer of tests/testdata/windows/adapters.hex was, which Wine 10 has filled. */
const BASE = 139784391922576n;
const recorded = await readHex("windows/adapters.hex");

Deno.test("GetAdaptersAddresses: names, numbers, MACs, states, addresses with their origins, and routers", () => {
  const adapters = parseAdapterAddresses(recorded, BASE);
  assert.deepEqual(adapters.map(({ name, type, isUp }) => [name, type, isUp]).sort(), [
    ["lan", 6, true],
    ["lo", 24, true],
    ["router", 6, true],
  ]);
  const lan = adapters.find(({ name }) => name === "lan")!;
  assert.deepEqual(lan.mac, [0x02, 0x42, 0xac, 0x11, 0x00, 0x02]);
  assert.deepEqual(lan.addresses.map(({ address, prefix }) => `${address}/${prefix}`).sort(), [
    "192.168.1.10/24",
    "2001:db8:1::10/64",
    "fe80::42:acff:fe11:2/64",
  ]);
  assert.deepEqual([...lan.gateways].sort(), ["192.168.1.1", "fe80::1"]);
  assert.deepEqual([lan.hasDhcp, lan.description], [false, "lan"]);
});

Deno.test("the facts of these bytes have the way to the internet", () => {
  const adapters = parseAdapterAddresses(recorded, BASE), { index } = adapters.find(({ name }) => name === "lan")!;
  const { internet } = assemble(adapters, { ipv4: index, ipv6: undefined });
  assert.deepEqual(internet, {
    ipv4: { adapter: "lan", address: "192.168.1.10", gateway: "192.168.1.1" },
    ipv6: { adapter: "lan", address: "2001:db8:1::10", gateway: `fe80::1%${index}` },
  });
});

Deno.test("reading is total on random bytes, on changed ones, and on pointers to anywhere", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void parseAdapterAddresses(bytes, 0n)));
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 8 }),
      fc.nat(recorded.length),
      fc.bigInt(-16n, 16n),
      (changes, end, by) => {
        const copy = recorded.slice(0, end);
        for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
        void parseAdapterAddresses(copy, BASE + by);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("a list of adapters that leads back into itself ends", () => {
  const bytes = new Uint8Array(224);
  new DataView(bytes.buffer).setBigUint64(8, 4096n, true); // the next one is this one
  assert.equal(parseAdapterAddresses(bytes, 4096n).length, 4096);
});

const HOME: UnicastAddress = { address: "192.168.1.10", prefix: 24, prefixOrigin: 3, suffixOrigin: 3, dadState: 4 };

/** An adapter as Windows 11 has it. */
function windows(changes: Partial<AdapterAddresses> = {}): AdapterAddresses {
  return {
    index: 12,
    index6: 12,
    name: "イーサネット",
    description: "Intel(R) Ethernet Controller I225-V",
    mac: [0x02, 0x42, 0xac, 0x11, 0x00, 0x02],
    hasDhcp: true,
    type: 6,
    isUp: true,
    metric4: 25,
    metric6: 25,
    addresses: [
      HOME,
      { address: "2001:db8::1:2", prefix: 64, prefixOrigin: 4, suffixOrigin: 5, dadState: 4 },
      { address: "2001:db8::1", prefix: 64, prefixOrigin: 4, suffixOrigin: 4, dadState: 4 },
      { address: "fe80::1234", prefix: 64, prefixOrigin: 2, suffixOrigin: 4, dadState: 4 },
    ],
    dns: ["192.168.1.1", "fec0:0:0:ffff::1", "fec0:0:0:ffff::2"],
    gateways: ["fe80::1", "192.168.1.1"],
    ...changes,
  };
}

Deno.test("an adapter with DHCP: the address is from it, the temporary one is known, placeholders are no name servers", () => {
  const { adapters: [adapter], internet, fixCommands } = assemble([windows()], { ipv4: 12, ipv6: 12 });
  assert.deepEqual(adapter!.addresses.map(({ origin, isTemporary }) => [origin, isTemporary]), [
    ["dhcp", false],
    ["auto", true],
    ["auto", false],
    ["auto", false],
  ]);
  assert.deepEqual([adapter!.dns, adapter!.gateways], [["192.168.1.1"], ["192.168.1.1", "fe80::1"]]);
  assert.deepEqual([adapter!.kind, adapter!.isVirtual, adapter!.managedBy], ["ethernet", false, "Windows"]);
  assert.deepEqual(internet.ipv6, { adapter: "イーサネット", address: "2001:db8::1", gateway: "fe80::1%12" });
  assert.match(fixCommands.at(-2)!, /New-NetIPAddress -InterfaceAlias 'イーサネット' -IPAddress 192\.168\.1\.10/);
});

Deno.test("an address by hand is static, whether or not the adapter has DHCP too", () => {
  const byHand = { ...HOME, prefixOrigin: 1, suffixOrigin: 1 };
  for (const hasDhcp of [true, false]) {
    const { adapters, fixCommands } = assemble([windows({ hasDhcp, addresses: [byHand] })], {
      ipv4: 12,
      ipv6: undefined,
    });
    assert.deepEqual([adapters[0]!.addresses[0]!.origin, fixCommands], ["static", []]);
  }
});

Deno.test("adapters of virtual machines, tunnels and loopback are virtual", () => {
  const kinds = [
    windows({ name: "vEthernet (WSL)", description: "Hyper-V Virtual Ethernet Adapter" }),
    windows({ name: "tun", description: "WireGuard Tunnel", type: 53 }),
    windows({ name: "Teredo", description: "Microsoft Teredo Tunneling Adapter", type: 131 }),
    windows({ name: "Loopback Pseudo-Interface 1", description: "Software Loopback Interface 1", type: 24 }),
    windows({ name: "Wi-Fi", description: "Intel(R) Wi-Fi 6E AX211 160MHz", type: 71 }),
  ];
  const { adapters } = assemble(kinds, { ipv4: undefined, ipv6: undefined });
  assert.deepEqual(adapters.map(({ kind, isVirtual }) => [kind, isVirtual]), [
    ["ethernet", true],
    ["other", true],
    ["tunnel", true],
    ["loopback", true],
    ["wifi", false],
  ]);
});

Deno.test("where Windows does not say which adapter it would use, it is the one with a router and the lowest metric", () => {
  const slow = windows({ name: "Wi-Fi", index: 7, index6: 7, metric4: 50 });
  const down = windows({ name: "Ethernet 2", index: 8, index6: 8, metric4: 1, isUp: false });
  const alone = windows({ name: "Ethernet 3", index: 9, index6: 9, metric4: 2, gateways: [] });
  const all = [slow, down, alone, windows()];
  assert.equal(assemble(all, { ipv4: undefined, ipv6: undefined }).internet.ipv4?.adapter, "イーサネット");
  assert.equal(assemble(all, { ipv4: 7, ipv6: undefined }).internet.ipv4?.adapter, "Wi-Fi");
  assert.deepEqual(assemble([alone], { ipv4: undefined, ipv6: undefined }).internet, { ipv4: null, ipv6: null });
});
