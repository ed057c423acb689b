/** Puts together what the kernel and the files of Linux say of the network. Pure. */
import { familyOf, macText, scopeOf, withZone } from "../addresses.ts";
import type { Adapter, AdapterAddress, InternetRoute, NetworkFacts } from "../adapters.ts";
import { fixCommands } from "../fix_commands.ts";
import type { Configured } from "./configured.ts";
import type { RoutingState } from "./route_socket.ts";
import type { Link, LinkAddress, Route } from "./rtnetlink.ts";

/** Everything that was read. */
export interface NetworkSnapshot extends RoutingState {
  /** By number of the adapter. */
  readonly configured: Map<number, Configured>;
  /** What `/sys` says of an adapter, by its number. */
  readonly hardware: ReadonlyMap<number, Hardware>;
  /** The name servers of the machine. */
  readonly dns: readonly string[];
}

/** An adapter in `/sys`. */
export interface Hardware {
  /** Whether it is there: `/sys` may show another network namespace. */
  readonly isKnown: boolean;
  /** Whether there is a device behind it. */
  readonly hasDevice: boolean;
  /** Its `DEVTYPE`, as `wlan`; null for plain Ethernet. */
  readonly type: string | null;
}

/** `ARPHRD_*` of include/uapi/linux/if_arp.h. */
const ETHERNET = 1, LOOPBACK = 772, WIFI: ReadonlySet<number> = new Set([801, 802, 803]);
const TUNNELS: ReadonlySet<number> = new Set([512, 768, 769, 776, 778, 823, 65534]); // ppp, tunnel, tunnel6, sit, gre, gre6, none
const TUNNEL_KINDS =
  /^(tun|wireguard|ipip|sit|gre|gretap|ip6tnl|ip6gre|vti|vti6|xfrm|vxlan|geneve|ppp|ovpn|amt|bareudp)$/;
/** `IFAPROT_KERNEL_RA` and `IFAPROT_KERNEL_LL`. */
const FROM_ROUTER = 2, LINK_LOCAL = 3;

/** The facts of a snapshot. */
export function assemble(snapshot: NetworkSnapshot): NetworkFacts {
  const { links, ways } = snapshot;
  const [way4 = null, way6 = null] = ways;
  const outward = way4 ?? way6;
  const addresses = Map.groupBy(snapshot.addresses, ({ index }) => index);
  const routes = Map.groupBy(preferred(snapshot.defaults), ({ index }) => index);
  const adapters = links.map((link) => {
    const own = { addresses: addresses.get(link.index) ?? [], routes: routes.get(link.index) ?? [] };
    return adapterOf(link, snapshot, { ...own, isOutward: outward?.index === link.index });
  });
  const internet = { ipv4: internetRoute(way4, adapters), ipv6: internetRoute(way6, adapters) };
  return { adapters, internet, fixCommands: fixCommands({ adapters, internet }) };
}

interface OwnState {
  readonly addresses: readonly LinkAddress[];
  /** Its default routes, the preferred one first. */
  readonly routes: readonly Route[];
  /** Whether it is the way to the internet. */
  readonly isOutward: boolean;
}

function adapterOf(
  link: Link,
  { configured, hardware, dns }: NetworkSnapshot,
  { addresses, routes, isOutward }: OwnState,
): Adapter {
  const known = configured.get(link.index), device = hardware.get(link.index);
  const own = known?.dns ?? [];
  return {
    name: link.name,
    index: link.index,
    mac: link.hardware === ETHERNET || WIFI.has(link.hardware) ? macText(link.mac) : null,
    isUp: link.isUp,
    isVirtual: link.kind !== null || link.hardware === LOOPBACK || (device?.isKnown === true && !device.hasDevice),
    kind: kindOf(link, device),
    addresses: addresses.map((address) => addressOf(address, known)),
    gateways: [...new Set(routes.flatMap(routerOf))],
    dns: own.length > 0 || !isOutward ? own : dns,
    managedBy: known?.managedBy ?? null,
    profile: known?.profile ?? null,
  };
}

function routerOf({ gateway }: Route): readonly string[] {
  return gateway === null ? [] : [gateway];
}

/** Ascending by metric and preference, IPv4 first. */
function preferred(routes: readonly Route[]): readonly Route[] {
  return routes.toSorted((a, b) =>
    a.family.localeCompare(b.family) || a.metric - b.metric || a.preference - b.preference
  );
}

function kindOf({ hardware, kind }: Link, device: Hardware | undefined): Adapter["kind"] {
  if (hardware === LOOPBACK) return "loopback";
  if (TUNNELS.has(hardware) || (kind !== null && TUNNEL_KINDS.test(kind))) return "tunnel";
  if (WIFI.has(hardware) || device?.type === "wlan") return "wifi";
  return hardware === ETHERNET ? "ethernet" : "other";
}

function addressOf(found: LinkAddress, configured: Configured | undefined): AdapterAddress {
  const { address, prefix, isTemporary } = found, scope = scopeOf(address);
  return { family: familyOf(address), address, prefix, scope, origin: originOf(found, scope, configured), isTemporary };
}

/**
 * Where an address is from. One with an end is from somebody who gives it for a time: for IPv4 a DHCP server; for IPv6 one
 * too where it is alone (/128), else a router that advertises its network. What puts an address there without an end
 * does it for a configuration, or, as some DHCP clients do, for a lease that it watches itself.
 */
function originOf(
  { address, prefix, isPermanent, source }: LinkAddress,
  scope: AdapterAddress["scope"],
  configured: Configured | undefined,
): AdapterAddress["origin"] {
  if (scope === "loopback") return null;
  if (scope === "link" || source === FROM_ROUTER || source === LINK_LOCAL) return "auto";
  const isLeased = configured?.leased.has(address) === true;
  if (familyOf(address) === "ipv4") return !isPermanent || isLeased ? "dhcp" : configured?.method ?? null;
  return isPermanent ? "static" : prefix === 128 ? "dhcp" : "auto";
}

function internetRoute(way: Route | null, adapters: readonly Adapter[]): InternetRoute | null {
  const adapter = adapters.find(({ index }) => index === way?.index);
  if (way === null || adapter === undefined || adapter.kind === "loopback") return null;
  const address = way.source ?? adapter.addresses.find(({ family }) => family === way.family)?.address;
  if (address === undefined) return null;
  return { adapter: adapter.name, address, gateway: way.gateway && withZone(way.gateway, adapter.name) };
}
