/**
 * What the programs that configure adapters on Linux keep in their files: the parsers. Pure; each is total.
 *
 * Manuals: systemd.network(5), nm-settings-keyfile(5), interfaces(5), dhclient.leases(5), resolv.conf(5).
 */
import { canonicalAddress } from "../addresses.ts";

/** How IPv4 is configured, as far as a file says it. */
export type Method = "dhcp" | "static" | null;

/** `KEY=value` lines: of /run/systemd/netif/links/N and leases/N, and of DHCP leases of NetworkManager's own client. */
export function parsePairs(text: string): ReadonlyMap<string, string> {
  const pairs = text.split("\n").flatMap((line) => {
    const at = line.indexOf("=");
    return line.startsWith("#") || at < 1 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()] as const];
  });
  return new Map(pairs);
}

/** Keys of a key file (`[section]`, `key=value`) by `section.key`: of NetworkManager, and of a .network file. */
export function parseKeyFile(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = "";
  for (const line of text.split("\n").map((each) => each.trim())) {
    const head = /^\[(.*)\]$/.exec(line);
    const at = line.indexOf("=");
    if (head !== null) section = head[1]!;
    else if (!/^[#;]/.test(line) && at > 0) {
      values.set(`${section}.${line.slice(0, at).trim()}`, line.slice(at + 1).trim());
    }
  }
  return values;
}

/** The addresses in a list with blanks; words that are none, such as a port or a name behind one, are left out. */
export function addressList(text: string | undefined): readonly string[] {
  const words = (text ?? "").split(/[\s,]+/).map((word) => canonicalAddress(word.replace(/#.*$/, "")));
  return words.filter((address) => address !== undefined);
}

/** The name servers of a resolv.conf. */
export function parseResolvConf(text: string): readonly string[] {
  const servers = text.split("\n").flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(servers.map(canonicalAddress).filter((address) => address !== undefined))];
}

/** An `iface` of interfaces(5), by adapter: how its IPv4 is configured. Of several the last one counts. */
export function parseInterfaces(text: string): ReadonlyMap<string, Method> {
  const lines = text.replaceAll(/\\\n/g, " ").matchAll(/^\s*iface\s+(\S+)\s+inet\s+(\S+)/gm);
  return new Map([...lines].map(([, name, method]) => [name!, methodOf(method!)]));
}

/** The files that interfaces(5) includes: `source` with a pattern, `source-directory` with a folder. */
export function includesOf(text: string): readonly string[] {
  const lines = text.matchAll(/^\s*(source|source-directory|source-dir)\s+(\S+)/gm);
  return [...lines].map(([, word, path]) => word === "source" ? path! : `${path}/*`);
}

function methodOf(word: string): Method {
  return word === "dhcp" ? "dhcp" : word === "static" || word === "manual" ? "static" : null;
}

/** The addresses that dhclient was given, by adapter. A lease that has ended may be among them. */
export function parseDhclientLeases(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const leases = new Map<string, Set<string>>();
  for (const [, body = ""] of text.matchAll(/^lease\s*\{([^}]*)\}/gm)) {
    const name = /\binterface\s+"([^"]+)"/.exec(body)?.[1], address = /\bfixed-address\s+([\d.]+)/.exec(body)?.[1];
    if (name === undefined || address === undefined) continue;
    const known = leases.get(name) ?? new Set();
    leases.set(name, known.add(address));
  }
  return leases;
}

/** How a connection of NetworkManager configures IPv4. */
export function methodOfConnection(keys: ReadonlyMap<string, string>): Method {
  const method = keys.get("ipv4.method");
  return method === "auto" ? "dhcp" : method === "manual" ? "static" : null;
}
