/** Puts together what the tools of macOS print. Pure. */
import { familyOf, isInNetwork, scopeOf, withZone } from "../addresses.ts";
import type { Adapter, AdapterAddress, InternetRoute, NetworkFacts } from "../adapters.ts";
import { fixCommands } from "../fix_commands.ts";
import {
  type IfconfigAdapter,
  type IfconfigAddress,
  type NetworkService,
  parseIfconfig,
  parseNetstat,
  parsePacket,
  parseRoute,
  parseScutilDns,
  parseScutilNwi,
  parseServices,
} from "./texts.ts";

/** What each tool printed; empty where it failed. */
export interface DarwinTexts {
  readonly ifconfig: string;
  readonly netstat: string;
  /** `route -n get` of an address of the internet, of each family. */
  readonly route: Readonly<Record<"ipv4" | "ipv6", string>>;
  readonly dns: string;
  readonly nwi: string;
  readonly services: string;
  /** `ipconfig getpacket` by adapter. */
  readonly packets: ReadonlyMap<string, string>;
}

/** What macOS makes by itself, and what virtual machines and tunnels bring. */
const VIRTUAL = /^(lo|utun|bridge|gif|stf|awdl|llw|ap|anpi|vmnet|vmenet|vnic|feth|ipsec|ppp|tap|tun|pktap|XHC)\d/;
const TUNNEL = /^(utun|gif|stf|ipsec|ppp|tun)\d/;

/** The adapters that may have a lease of DHCP. */
export function leasable(ifconfig: string): readonly string[] {
  const hasIpv4 = ({ addresses }: IfconfigAdapter) => addresses.some(({ address }) => familyOf(address) === "ipv4");
  return parseIfconfig(ifconfig).filter((each) => hasIpv4(each) && !each.isLoopback).map(({ name }) => name);
}

/** The facts. */
export function assemble(texts: DarwinTexts): NetworkFacts {
  const services = parseServices(texts.services), dns = parseScutilDns(texts.dns), nwi = parseScutilNwi(texts.nwi);
  const routes = parseNetstat(texts.netstat), first = nwi.ipv4[0] ?? nwi.ipv6[0];
  const adapters = parseIfconfig(texts.ifconfig).map((found, i): Adapter => {
    const { name, mac, isUp, isLoopback } = found;
    const gateways = routes.filter(({ adapter }) => adapter === name).map(({ gateway }) => gateway);
    const leased = parsePacket(texts.packets.get(name) ?? ""), service = services.get(name);
    return {
      name,
      index: found.index ?? i + 1,
      mac,
      isUp,
      isVirtual: isLoopback || VIRTUAL.test(name),
      kind: kindOf(found, service),
      addresses: found.addresses.map((address) => addressOf(address, leased)),
      gateways: [...new Set(gateways)].sort((a, b) => familyOf(a).localeCompare(familyOf(b))),
      dns: dns.get(name) ?? (name === first ? dns.get("") : undefined) ?? [],
      managedBy: service === undefined ? null : "macOS",
      profile: service?.service ?? null,
    };
  });
  const internet = { ipv4: routeOf("ipv4", texts, adapters), ipv6: routeOf("ipv6", texts, adapters) };
  return { adapters, internet, fixCommands: fixCommands({ adapters, internet }) };
}

function kindOf({ name, isLoopback, isPointToPoint, mac }: IfconfigAdapter, service?: NetworkService): Adapter["kind"] {
  if (isLoopback) return "loopback";
  if (TUNNEL.test(name) || isPointToPoint) return "tunnel";
  if (service?.hardware === "Wi-Fi") return "wifi";
  return mac === null ? "other" : "ethernet";
}

function addressOf({ address, prefix, words }: IfconfigAddress, leased: string | undefined): AdapterAddress {
  const scope = scopeOf(address), family = familyOf(address);
  return { family, address, prefix, scope, origin: originOf(), isTemporary: words.includes("temporary") };

  function originOf(): AdapterAddress["origin"] {
    if (scope === "loopback") return null;
    if (scope === "link" || words.includes("autoconf")) return "auto";
    const isLeased = family === "ipv4" ? address === leased : words.includes("dynamic");
    return isLeased ? "dhcp" : "static";
  }
}

function routeOf(family: "ipv4" | "ipv6", texts: DarwinTexts, adapters: readonly Adapter[]): InternetRoute | null {
  const way = parseRoute(texts.route[family]), adapter = adapters.find(({ name }) => name === way?.adapter);
  if (way === undefined || adapter === undefined || adapter.kind === "loopback") return null;
  const gateway = way.gateway !== null && familyOf(way.gateway) === family ? way.gateway : null;
  const usable = adapter.addresses.filter((each) => each.family === family && each.scope !== "link");
  const address = usable.find((each) => gateway !== null && isInNetwork(gateway, each)) ??
    usable.find(({ isTemporary }) => !isTemporary) ?? usable[0];
  if (address === undefined) return null;
  return { adapter: adapter.name, address: address.address, gateway: gateway && withZone(gateway, adapter.name) };
}
