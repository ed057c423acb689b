/** Makes the facts of what Windows says of its adapters. Pure. */
import { familyOf, isInNetwork, macText, scopeOf, withZone } from "../addresses.ts";
import type { Adapter, AdapterAddress, InternetRoute, NetworkFacts } from "../adapters.ts";
import { fixCommands } from "../fix_commands.ts";
import type { AdapterAddresses, UnicastAddress } from "./structures.ts";

/** `IFTYPE` of ipifcons.h. */
const ETHERNET = 6, PPP = 23, LOOPBACK = 24, VIRTUAL = 53, WIFI = 71, TUNNEL = 131;
const MANUAL = 1, DHCP = 3, ADVERTISED = 4, RANDOM = 5, PREFERRED = 4;
/** What makers of virtual machines and tunnels call their adapters; Windows has no word for it. */
const SOFTWARE =
  /virtual|vmware|virtualbox|hyper-v.*(switch|container)|tap-|wintun|wireguard|openvpn|tailscale|zerotier|loopback/i;
const SOFTWARE_NAME = /^vEthernet/;
/** Servers of the long-withdrawn site-local kind, which Windows names where it knows none. */
const PLACEHOLDER = /^fec0:0:0:ffff::[123]$/;

/** The numbers of the adapters that Windows would use for the internet; `undefined` where there is none. */
export type BestInterfaces = Readonly<Record<"ipv4" | "ipv6", number | undefined>>;

/** The facts. */
export function assemble(found: readonly AdapterAddresses[], best: BestInterfaces): NetworkFacts {
  const adapters = found.map(adapterOf);
  const internet = {
    ipv4: routeOf("ipv4", outward(found, "ipv4", best.ipv4), adapters),
    ipv6: routeOf("ipv6", outward(found, "ipv6", best.ipv6), adapters),
  };
  return { adapters, internet, fixCommands: fixCommands({ adapters, internet }) };
}

function adapterOf(found: AdapterAddresses): Adapter {
  const { name, description, mac, type, isUp, addresses, dns, gateways } = found;
  const isLoopback = type === LOOPBACK, isTunnel = type === TUNNEL || type === PPP;
  const isSoftware = SOFTWARE.test(description) || SOFTWARE_NAME.test(name) || type === VIRTUAL;
  return {
    name,
    index: indexOf(found),
    mac: isLoopback ? null : macText(mac),
    isUp,
    isVirtual: isLoopback || isTunnel || isSoftware,
    kind: isLoopback
      ? "loopback"
      : isTunnel
      ? "tunnel"
      : type === WIFI
      ? "wifi"
      : type === ETHERNET
      ? "ethernet"
      : "other",
    addresses: addresses.map((address) => addressOf(address, found)),
    gateways: [...new Set(gateways)].sort((a, b) => familyOf(a).localeCompare(familyOf(b))),
    dns: [...new Set(dns)].filter((server) => !PLACEHOLDER.test(server)),
    managedBy: "Windows",
    profile: null,
  };
}

/** Of an adapter without IPv4 the first number is 0. */
function indexOf({ index, index6 }: AdapterAddresses): number {
  return index === 0 ? index6 : index;
}

function addressOf(found: UnicastAddress, { hasDhcp }: AdapterAddresses): AdapterAddress {
  const { address, prefix, prefixOrigin, suffixOrigin } = found, scope = scopeOf(address), family = familyOf(address);
  const isTemporary = family === "ipv6" && prefixOrigin === ADVERTISED && suffixOrigin === RANDOM;
  return { family, address, prefix, scope, origin: originOf({ scope, family, prefixOrigin, hasDhcp }), isTemporary };
}

function originOf(
  { scope, family, prefixOrigin, hasDhcp }: Pick<AdapterAddress, "scope" | "family"> & {
    readonly prefixOrigin: number;
    readonly hasDhcp: boolean;
  },
): AdapterAddress["origin"] {
  if (scope === "loopback") return null;
  if (scope === "link") return "auto";
  // An adapter with DHCP may have further addresses by hand; one without has no others.
  if (family === "ipv4") return hasDhcp && prefixOrigin !== MANUAL ? "dhcp" : "static";
  return prefixOrigin === DHCP
    ? "dhcp"
    : prefixOrigin === MANUAL
    ? "static"
    : prefixOrigin === ADVERTISED
    ? "auto"
    : null;
}

/** The adapter that Windows would use; where it does not say, the one with a router and the lowest metric. */
function outward(
  found: readonly AdapterAddresses[],
  family: "ipv4" | "ipv6",
  best: number | undefined,
): AdapterAddresses | undefined {
  const chosen = found.find(({ index, index6 }) => best !== undefined && (family === "ipv4" ? index : index6) === best);
  if (chosen !== undefined) return chosen;
  const metricOf = ({ metric4, metric6 }: AdapterAddresses) => family === "ipv4" ? metric4 : metric6;
  const able = found.filter(({ isUp, gateways }) => isUp && gateways.some((each) => familyOf(each) === family));
  return able.toSorted((a, b) => metricOf(a) - metricOf(b))[0];
}

function routeOf(
  family: "ipv4" | "ipv6",
  chosen: AdapterAddresses | undefined,
  adapters: readonly Adapter[],
): InternetRoute | null {
  const adapter = chosen && adapters.find(({ index }) => index === indexOf(chosen));
  if (chosen === undefined || adapter === undefined || adapter.kind === "loopback") return null;
  const gateway = adapter.gateways.find((each) => familyOf(each) === family) ?? null;
  const usable = chosen.addresses.filter(({ address }) => familyOf(address) === family && scopeOf(address) !== "link");
  const isBest = (each: UnicastAddress) => gateway !== null && isInNetwork(gateway, each);
  const isStable = ({ dadState, suffixOrigin }: UnicastAddress) => dadState === PREFERRED && suffixOrigin !== RANDOM;
  const address = usable.find(isBest) ?? usable.find(isStable) ?? usable[0];
  if (address === undefined) return null;
  // On Windows the zone of a link-local address is the adapter's number.
  const zone = String(chosen.index6 || adapter.index);
  return { adapter: adapter.name, address: address.address, gateway: gateway && withZone(gateway, zone) };
}
