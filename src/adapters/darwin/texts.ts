/**
 * What the tools of macOS print about the network: the parsers. Manuals: ifconfig(8), netstat(1), route(8), scutil(8),
 * ipconfig(8), networksetup(8). Pure; each is total, and passes over lines that it does not understand.
 */
import { canonicalAddress, prefixOf } from "../addresses.ts";

/** An address in `ifconfig -a`. */
export interface IfconfigAddress {
  readonly address: string;
  readonly prefix: number;
  /** The words behind it, as `autoconf`, `temporary`, `secured`. */
  readonly words: readonly string[];
}

/** An adapter in `ifconfig -a`. */
export interface IfconfigAdapter {
  readonly name: string;
  /** Where `ifconfig -v` or a scope says it. */
  readonly index: number | undefined;
  readonly mac: string | null;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  readonly isPointToPoint: boolean;
  readonly addresses: readonly IfconfigAddress[];
}

/** The adapters of `ifconfig -a`, with `-v` or without, in their order. */
export function parseIfconfig(text: string): readonly IfconfigAdapter[] {
  return text.split(/^(?=\S+: flags=)/m).flatMap((part) => {
    const [, name, flagText = ""] = /^(\S+): flags=[0-9a-f]+<([^>]*)>/.exec(part) ?? [];
    if (name === undefined) return [];
    const flags = flagText.split(","), status = /^\s+status: (\S+)/m.exec(part)?.[1] ?? "active";
    const scope = /\bscopeid 0x([0-9a-f]{1,8})\b/.exec(part)?.[1], index = /\bindex (\d{1,9})\b/.exec(part)?.[1];
    return [{
      name,
      index: index !== undefined ? Number(index) : scope !== undefined ? parseInt(scope, 16) : undefined,
      mac: /^\s+ether ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b/m.exec(part)?.[1] ?? null,
      isUp: flags.includes("UP") && flags.includes("RUNNING") && status === "active",
      isLoopback: flags.includes("LOOPBACK"),
      isPointToPoint: flags.includes("POINTOPOINT"),
      addresses: part.split("\n").flatMap(ifconfigAddress),
    }];
  });
}

function ifconfigAddress(line: string): readonly IfconfigAddress[] {
  const [family, text = "", ...words] = line.trim().split(/\s+/);
  const address = canonicalAddress(text);
  if (address === undefined || address.includes(":") !== (family === "inet6")) return [];
  const valueOf = (word: string) => words[words.indexOf(word) + 1] ?? "";
  const prefix = family === "inet"
    ? prefixOfHex(valueOf("netmask"))
    : Number(/^\d{1,3}$/.exec(valueOf("prefixlen"))?.[0]);
  return (family === "inet" || family === "inet6") && prefix !== undefined && prefix <= 128
    ? [{ address, prefix, words }]
    : [];
}

/** `0xffffff00`. */
function prefixOfHex(mask: string): number | undefined {
  const bytes = /^0x([0-9a-f]{8})$/.exec(mask)?.[1]?.match(/../g);
  return bytes ? prefixOf(bytes.map((byte) => parseInt(byte, 16)).join(".")) : undefined;
}

/** A default route of `netstat -rn`. */
export interface NetstatRoute {
  readonly adapter: string;
  readonly gateway: string;
}

/** The default routes over routers, in their order; `link#6` in the place of one is no router. */
export function parseNetstat(text: string): readonly NetstatRoute[] {
  return text.split("\n").flatMap((line) => {
    const [destination, router = "", , adapter = ""] = line.trim().split(/\s+/);
    const gateway = destination === "default" ? canonicalAddress(router) : undefined;
    return gateway === undefined || adapter === "" ? [] : [{ gateway, adapter }];
  });
}

/** The way in an answer of `route -n get`; `undefined` where there is none. */
export function parseRoute(text: string): { readonly adapter: string; readonly gateway: string | null } | undefined {
  const adapter = /^\s*interface: (\S+)$/m.exec(text)?.[1];
  if (adapter === undefined) return undefined;
  return { adapter, gateway: canonicalAddress(/^\s*gateway: (\S+)$/m.exec(text)?.[1] ?? "") ?? null };
}

/** The name servers of each adapter in `scutil --dns`; those of the whole machine are under the empty name. */
export function parseScutilDns(text: string): ReadonlyMap<string, readonly string[]> {
  const servers = new Map<string, readonly string[]>();
  const [machine = "", scoped = ""] = text.split(/^DNS configuration \(for scoped queries\)$/m);
  for (const [part, isScoped] of [[machine, false], [scoped, true]] as const) {
    for (const resolver of part.split(/^resolver #\d+$/m).slice(1)) {
      // A resolver for one domain alone, as for .local, serves no other name.
      if (/^\s*domain\s*:/m.test(resolver)) continue;
      const name = isScoped ? /^\s*if_index : \d+ \((\S+)\)$/m.exec(resolver)?.[1] : "";
      if (name === undefined || servers.has(name)) continue;
      const found = [...resolver.matchAll(/^\s*nameserver\[\d+\] : (\S+)$/gm)].map(([, each]) =>
        canonicalAddress(each!)
      );
      servers.set(name, found.filter((each) => each !== undefined));
    }
  }
  return servers;
}

/** The adapters that `scutil --nwi` has for each family, the preferred one first. */
export function parseScutilNwi(text: string): Readonly<Record<"ipv4" | "ipv6", readonly string[]>> {
  const [, ipv4 = "", ipv6 = ""] = text.split(/^IPv[46] network interface information$/m);
  const namesOf = (part: string) => [...part.matchAll(/^\s*(\S+) : flags\s+:/gm)].map(([, name]) => name!);
  return { ipv4: namesOf(ipv4), ipv6: namesOf(ipv6) };
}

/** The address of the lease in `ipconfig getpacket`; `undefined` where there is none. */
export function parsePacket(text: string): string | undefined {
  if (!/^dhcp_message_type \(uint8\): ACK\b/m.test(text)) return undefined;
  return canonicalAddress(/^yiaddr = (\S+)$/m.exec(text)?.[1] ?? "");
}

/** A service of `networksetup -listnetworkserviceorder`. */
export interface NetworkService {
  /** As networksetup takes it: `Wi-Fi`. */
  readonly service: string;
  /** What kind of hardware: `Wi-Fi`, `Ethernet`, `Thunderbolt Bridge`. */
  readonly hardware: string;
}

/** The services by adapter; of several the first one counts. */
export function parseServices(text: string): ReadonlyMap<string, NetworkService> {
  const services = new Map<string, NetworkService>();
  const pairs = text.matchAll(/^\((?:\d+|\*)\) (.+)\n\(Hardware Port: (.*), Device: (\S+)\)$/gm);
  for (const [, service, hardware, device] of pairs) {
    if (!services.has(device!)) services.set(device!, { service: service!, hardware: hardware! });
  }
  return services;
}
