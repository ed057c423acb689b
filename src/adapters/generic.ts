/** The network of a system that portd has no reader for: its adapters and addresses, as Deno lists them. */
import { canonicalAddress, familyOf, prefixOf, scopeOf } from "./addresses.ts";
import type { Adapter, AdapterAddress, NetworkReader } from "./adapters.ts";

/** No routes, no name servers: the way to the internet is not known. */
export const genericNetworkReader: NetworkReader = {
  read: () => Promise.resolve(genericFacts(Deno.networkInterfaces())),
};

/** The facts of a list of addresses; each has its adapter. Pure. */
export function genericFacts(list: readonly Deno.NetworkInterfaceInfo[]) {
  const names = [...new Set(list.map(({ name }) => name))];
  const adapters = names.map((name, i): Adapter => {
    const own = list.filter((each) => each.name === name);
    const addresses = own.flatMap(addressOf);
    const isLoopback = addresses.some(({ scope }) => scope === "loopback");
    const mac = own[0]!.mac.toLowerCase();
    return {
      name,
      index: i + 1,
      mac: mac === "00:00:00:00:00:00" ? null : mac,
      isUp: true,
      isVirtual: isLoopback,
      kind: isLoopback ? "loopback" : "other",
      addresses,
      gateways: [],
      dns: [],
      managedBy: null,
      profile: null,
    };
  });
  return { adapters, internet: { ipv4: null, ipv6: null }, fixCommands: [] };
}

function addressOf({ address: text, cidr, netmask }: Deno.NetworkInterfaceInfo): readonly AdapterAddress[] {
  const address = canonicalAddress(text);
  if (address === undefined) return [];
  const prefix = Number(cidr.split("/")[1] ?? prefixOf(netmask) ?? 0);
  const common = { family: familyOf(address), address, prefix, scope: scopeOf(address) };
  return [{ ...common, origin: null, isTemporary: false }];
}
