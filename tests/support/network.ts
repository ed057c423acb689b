/** The network of a machine at home: 192.168.1.10 from the DHCP server of the router 192.168.1.1. */
import type { Adapter, AdapterAddress, NetworkFacts } from "../../src/adapters/adapters.ts";
import { fixCommands } from "../../src/adapters/fix_commands.ts";

/** An address of IPv4 from DHCP. */
export const LEASED: AdapterAddress = {
  family: "ipv4",
  address: "192.168.1.10",
  prefix: 24,
  scope: "private",
  origin: "dhcp",
  isTemporary: false,
};

/** The adapter of a machine at home. @param changes are what is not as usual of it. */
export function homeAdapter(changes: Partial<Adapter> = {}): Adapter {
  return {
    name: "eth0",
    index: 2,
    mac: "02:42:ac:11:00:02",
    isUp: true,
    isVirtual: false,
    kind: "ethernet",
    addresses: [LEASED, {
      ...LEASED,
      family: "ipv6",
      address: "2001:db8:1::10",
      prefix: 64,
      scope: "global",
      origin: "auto",
    }],
    gateways: ["192.168.1.1", "fe80::1"],
    dns: ["192.168.1.1"],
    managedBy: "NetworkManager",
    profile: "f5a0c3e2-1b7d-4c59-9d52-1f1c5a0e7b11",
    ...changes,
  };
}

/** The facts of such a machine. */
export function homeNetwork(changes: Partial<Adapter> = {}): NetworkFacts {
  const adapter = homeAdapter(changes);
  const loopback = { family: "ipv4", address: "127.0.0.1", prefix: 8, scope: "loopback", origin: null } as const;
  const nothing = { gateways: [], dns: [], managedBy: null, profile: null } as const;
  const adapters: readonly Adapter[] = [
    {
      ...nothing,
      name: "lo",
      index: 1,
      mac: null,
      isUp: true,
      isVirtual: true,
      kind: "loopback",
      addresses: [{ ...loopback, isTemporary: false }],
    },
    adapter,
  ];
  const internet = {
    ipv4: { adapter: adapter.name, address: "192.168.1.10", gateway: "192.168.1.1" },
    ipv6: { adapter: adapter.name, address: "2001:db8:1::10", gateway: `fe80::1%${adapter.name}` },
  };
  return { adapters, internet, fixCommands: fixCommands({ adapters, internet }) };
}
