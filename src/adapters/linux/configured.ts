/**
 * Who configures an adapter of Linux, whether its IPv4 address is from DHCP, and its name servers: from the files that
 * NetworkManager, systemd-networkd, systemd-resolved, ifupdown and dhclient keep. What this user may not read, or what is
 * not there, is not known. The parsers are in state_files.ts.
 */
import type { Adapter } from "../adapters.ts";
import type { Link, LinkAddress } from "./rtnetlink.ts";
import {
  addressList,
  includesOf,
  type Method,
  methodOfConnection,
  parseDhclientLeases,
  parseInterfaces,
  parseKeyFile,
  parsePairs,
} from "./state_files.ts";

/** Files of the system as text. */
export interface Files {
  /** `undefined` for a file that is not there, is longer than a state file can be, or that this user may not read. */
  readonly read: (path: string) => Promise<string | undefined>;
  /** The names in a folder; none where it is not there or may not be read. */
  readonly list: (path: string) => Promise<readonly string[]>;
}

/** What the files say of an adapter. */
export interface Configured extends Pick<Adapter, "managedBy" | "profile" | "dns"> {
  /** Addresses of IPv4 that are from a DHCP server. */
  readonly leased: ReadonlySet<string>;
  /** How the other addresses of IPv4 came that have no end. */
  readonly method: Method;
}

const UNKNOWN: Configured = { managedBy: null, profile: null, dns: [], leased: new Set(), method: null };
/** Of a folder with more files than this only so many are read. */
const MOST_FILES = 200;

/** Reads what is known of an adapter. @param addresses are those that it has. */
export async function readConfigured(
  files: Files,
  link: Link,
  addresses: readonly LinkAddress[],
): Promise<Configured> {
  if (link.name === "lo") return UNKNOWN;
  const held = new Set(addresses.map(({ address }) => address));
  for (const look of [networkd, networkManager, ifupdown, dhcpcd, dhclient]) {
    const found = await look(files, link, held);
    if (found !== undefined) return { ...UNKNOWN, ...found, dns: await resolvedServers(files, link, found.dns ?? []) };
  }
  return { ...UNKNOWN, dns: await resolvedServers(files, link, []) };
}

type Found = Partial<Configured> | undefined;

/** systemd-networkd; the files that netplan writes for it have its name. */
async function networkd(files: Files, { index }: Link, held: ReadonlySet<string>): Promise<Found> {
  const state = await files.read(`/run/systemd/netif/links/${index}`);
  if (state === undefined) return undefined;
  const pairs = parsePairs(state), profile = pairs.get("NETWORK_FILE") || null;
  if (profile === null || /^(unmanaged|pending|linger)$/.test(pairs.get("ADMIN_STATE") ?? "unmanaged")) {
    return undefined;
  }
  const lease = parsePairs(await files.read(`/run/systemd/netif/leases/${index}`) ?? "");
  const leased = heldOf([lease.get("ADDRESS")], held);
  const dns = [...addressList(pairs.get("DNS")), ...(leased.size > 0 ? addressList(lease.get("DNS")) : [])];
  const managedBy = /(^|\/)[^/]*netplan[^/]*$/.test(profile) ? "netplan" : "systemd-networkd";
  return { managedBy, profile, leased, method: "static", dns: [...new Set(dns)] };
}

async function networkManager(files: Files, { index, name }: Link, held: ReadonlySet<string>): Promise<Found> {
  const device = parseKeyFile(await files.read(`/run/NetworkManager/devices/${index}`) ?? "");
  const uuid = device.get("device.connection-uuid");
  // A device that it only watches has a connection that it does not own.
  if (uuid === undefined || device.get("device.managed") === "false") return undefined;
  const connection = await connectionOf(files, uuid);
  const own = parsePairs(await files.read(`/var/lib/NetworkManager/internal-${uuid}-${name}.lease`) ?? "");
  // Only root may read connections. NetworkManager gives an address of DHCP an end, unless its lease has none.
  const method = connection === undefined ? "static" : methodOfConnection(connection);
  const dns = addressList(connection?.get("ipv4.dns")?.replaceAll(";", " "));
  return { managedBy: "NetworkManager", profile: uuid, leased: heldOf([own.get("ADDRESS")], held), method, dns };
}

async function connectionOf(files: Files, uuid: string): Promise<ReadonlyMap<string, string> | undefined> {
  for (const folder of ["/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections"]) {
    for (const name of (await files.list(folder)).slice(0, MOST_FILES)) {
      const keys = parseKeyFile(await files.read(`${folder}/${name}`) ?? "");
      if (keys.get("connection.uuid") === uuid) return keys;
    }
  }
}

/** ifupdown: `/run/network/ifstate` has the adapters that it has brought up. */
async function ifupdown(files: Files, { name }: Link, held: ReadonlySet<string>): Promise<Found> {
  const states = [await files.read("/run/network/ifstate"), await files.read(`/run/network/ifstate.${name}`)];
  if (!states.some((state) => state?.split("\n").some((line) => line.split("=")[0] === name))) return undefined;
  for await (const [profile, text] of interfacesFiles(files)) {
    const method = parseInterfaces(text).get(name);
    if (method === undefined) continue;
    return {
      managedBy: "ifupdown",
      profile,
      leased: (await dhclient(files, { name }, held))?.leased ?? new Set(),
      method,
    };
  }
}

async function* interfacesFiles(files: Files): AsyncGenerator<readonly [path: string, text: string]> {
  const path = "/etc/network/interfaces", main = await files.read(path) ?? "";
  yield [path, main];
  for (const pattern of includesOf(main).slice(0, MOST_FILES)) {
    const whole = pattern.startsWith("/") ? pattern : `/etc/network/${pattern}`;
    const folder = whole.slice(0, whole.lastIndexOf("/")), last = whole.slice(whole.lastIndexOf("/") + 1);
    const names = last.includes("*") ? (await files.list(folder)).slice(0, MOST_FILES) : [last];
    for (const name of names.filter((each) => isMatch(each, last))) {
      yield [`${folder}/${name}`, await files.read(`${folder}/${name}`) ?? ""];
    }
  }
}

/** Whether a name fits a pattern in which `*` is any text. */
function isMatch(name: string, pattern: string): boolean {
  const parts = pattern.split("*"), first = parts[0]!, last = parts.at(-1)!;
  if (parts.length === 1) return name === pattern;
  let at = first.length;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  return parts.slice(1, -1).every((part) => {
    const found = name.indexOf(part, at);
    at = found + part.length;
    return found !== -1;
  });
}

/** dhcpcd keeps a process for each adapter, or one for all, and a lease for each in a form of its own. */
async function dhcpcd(files: Files, { name }: Link): Promise<Found> {
  const pids = ["/run/dhcpcd/pid", "/run/dhcpcd.pid", `/run/dhcpcd/${name}.pid`, `/run/dhcpcd-${name}.pid`];
  if (await files.read(`/var/lib/dhcpcd/${name}.lease`) === undefined) return undefined;
  for (const path of pids) if (await files.read(path) !== undefined) return { managedBy: "dhcpcd", method: null };
}

/** ISC's client alone, as ifupdown and people start it. */
async function dhclient(files: Files, { name }: Pick<Link, "name">, held: ReadonlySet<string>): Promise<Found> {
  for (const path of [`/var/lib/dhcp/dhclient.${name}.leases`, "/var/lib/dhcp/dhclient.leases"]) {
    const leased = heldOf(parseDhclientLeases(await files.read(path) ?? "").get(name) ?? [], held);
    if (leased.size > 0) return { managedBy: "dhclient", leased };
  }
}

/** Those of these addresses that the adapter has: a file may be of an earlier day, or of another container. */
function heldOf(addresses: Iterable<string | undefined>, held: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...addresses].filter((address) => address !== undefined && held.has(address)) as string[]);
}

/** The servers that systemd-resolved has for this adapter; else what is known already. */
async function resolvedServers(
  files: Files,
  { index }: Link,
  known: readonly string[],
): Promise<readonly string[]> {
  const state = parsePairs(await files.read(`/run/systemd/resolve/netif/${index}`) ?? "");
  const servers = addressList(state.get("SERVERS"));
  return servers.length > 0 ? servers : known;
}
