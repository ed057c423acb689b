/** The commands that would fix the address that an adapter has from DHCP: printed for people, never run. Pure. */
import { escapeControls } from "../escape.ts";
import type { Adapter, NetworkFacts } from "./adapters.ts";
import { familyOf, isInNetwork, maskOf, scopeOf } from "./addresses.ts";
import { quoteForPowerShell, quoteForSh, quoteForYaml } from "./quoting.ts";

/** An IPv4 address with what is needed to configure it by hand. */
export interface FixedAddress {
  readonly adapter: Adapter;
  readonly address: string;
  readonly prefix: number;
  readonly gateway: string;
  /** Name servers of IPv4 on other machines; none where they are not known. */
  readonly dns: readonly string[];
}

/** The IPv4 address of the internet's adapter as it is; undefined where there is none, or no router in its network. */
export function addressAsItIs(
  { adapters, internet }: Pick<NetworkFacts, "adapters" | "internet">,
): FixedAddress | undefined {
  const { ipv4 } = internet, adapter = adapters.find(({ name }) => name === ipv4?.adapter);
  const own = adapter?.addresses.find(({ address }) => address === ipv4?.address);
  const gateway = ipv4?.gateway ?? null;
  if (adapter === undefined || own === undefined || gateway === null || familyOf(gateway) !== "ipv4") return undefined;
  const dns = adapter.dns.filter((server) => familyOf(server) === "ipv4" && scopeOf(server) !== "loopback");
  return { adapter, address: own.address, prefix: own.prefix, gateway, dns };
}

/**
 * The commands, in their order: for a shell, on Windows for PowerShell as administrator. None where the address is not
 * from DHCP, or where it is not known who configures the adapter.
 */
export function fixCommands(facts: Pick<NetworkFacts, "adapters" | "internet">): readonly string[] {
  const fixed = addressAsItIs(facts);
  const own = fixed?.adapter.addresses.find(({ address }) => address === fixed.address);
  if (fixed === undefined || own?.origin !== "dhcp" || !isInNetwork(fixed.gateway, own)) return [];
  const { name, profile, managedBy } = fixed.adapter;
  // No command can be copied in which such a character is made visible.
  if (escapeControls(name) !== name || (profile !== null && escapeControls(profile) !== profile)) return [];
  return COMMANDS.get(managedBy)?.(fixed) ?? [];
}

const COMMANDS: ReadonlyMap<string | null, (fixed: FixedAddress) => readonly string[]> = new Map([
  ["Windows", powerShell],
  ["macOS", networksetup],
  ["NetworkManager", nmcli],
  ["netplan", netplan],
  ["systemd-networkd", networkd],
  ["ifupdown", ifupdown],
  ["dhcpcd", dhcpcd],
]);

/** As in the reference of the modules NetTCPIP and DnsClient. */
function powerShell({ adapter, address, prefix, gateway, dns }: FixedAddress): readonly string[] {
  // Where these cmdlets find an adapter by its name they read patterns.
  const on = /[[\]*?`]/.test(adapter.name)
    ? `-InterfaceIndex ${adapter.index}`
    : `-InterfaceAlias ${quoteForPowerShell(adapter.name)}`;
  const quietly = "-Confirm:$false -ErrorAction SilentlyContinue";
  return [
    `Set-NetIPInterface ${on} -AddressFamily IPv4 -Dhcp Disabled`,
    `Remove-NetIPAddress ${on} -AddressFamily IPv4 ${quietly}`,
    `Remove-NetRoute ${on} -AddressFamily IPv4 -DestinationPrefix 0.0.0.0/0 ${quietly}`,
    `New-NetIPAddress ${on} -IPAddress ${address} -PrefixLength ${prefix} -DefaultGateway ${gateway}`,
    ...(dns.length === 0 ? [] : [`Set-DnsClientServerAddress ${on} -ServerAddresses ${dns.join(",")}`]),
  ];
}

/** networksetup(8). */
function networksetup({ adapter: { profile }, address, prefix, gateway, dns }: FixedAddress): readonly string[] {
  if (profile === null) return [];
  const service = quoteForSh(profile);
  return [
    `sudo networksetup -setmanual ${service} ${address} ${maskOf(prefix)} ${gateway}`,
    ...(dns.length === 0 ? [] : [`sudo networksetup -setdnsservers ${service} ${dns.join(" ")}`]),
  ];
}

/** nmcli(1), nm-settings-nmcli(5). */
function nmcli({ adapter: { profile }, address, prefix, gateway, dns }: FixedAddress): readonly string[] {
  if (profile === null) return [];
  const values = [
    ["method", "manual"],
    ["addresses", `${address}/${prefix}`],
    ["gateway", gateway],
    ...(dns.length === 0 ? [] : [["dns", dns.join(",")]]),
  ];
  const settings = values.map(([key, value]) => `ipv4.${key} ${value}`).join(" ");
  const connection = `uuid ${quoteForSh(profile)}`;
  return [`sudo nmcli con mod ${connection} ${settings}`, `sudo nmcli con up ${connection}`];
}

/** netplan(5). What is in the file is added to what the other files say of the same adapter. */
function netplan({ adapter: { name, kind, profile }, address, prefix, gateway, dns }: FixedAddress): readonly string[] {
  const [, id = name] = /\/\d+-netplan-([^/]+)\.network$/.exec(profile ?? "") ?? [];
  const path = "/etc/netplan/99-fixed-address.yaml";
  const lines = [
    "network:",
    "  version: 2",
    kind === "wifi" ? "  wifis:" : "  ethernets:",
    `    ${quoteForYaml(id)}:`,
    "      dhcp4: false",
    `      addresses: [${quoteForYaml(`${address}/${prefix}`)}]`,
    `      routes: [{to: "0.0.0.0/0", via: ${quoteForYaml(gateway)}}]`,
    ...(dns.length === 0 ? [] : [`      nameservers: {addresses: [${dns.map(quoteForYaml).join(", ")}]}`]),
  ];
  return [writeTo(path, lines), `sudo chmod 600 ${path}`, "sudo netplan apply"];
}

/** systemd.network(5): a drop-in comes after the file that it belongs to. */
function networkd({ adapter: { name, profile }, address, prefix, gateway, dns }: FixedAddress): readonly string[] {
  if (profile === null) return [];
  const folder = `/etc/systemd/network/${profile.slice(profile.lastIndexOf("/") + 1)}.d`;
  const lines = [
    "[Network]",
    "DHCP=no",
    `Address=${address}/${prefix}`,
    `Gateway=${gateway}`,
    ...dns.map((server) => `DNS=${server}`),
  ];
  return [
    `sudo mkdir -p ${quoteForSh(folder)}`,
    writeTo(`${folder}/fixed-address.conf`, lines),
    "sudo networkctl reload",
    `sudo networkctl reconfigure ${quoteForSh(name)}`,
  ];
}

/** interfaces(5): the line that says `dhcp` becomes one that says `static`. */
function ifupdown({ adapter: { name, profile }, address, prefix, gateway, dns }: FixedAddress): readonly string[] {
  if (profile === null || !/^[\w.-]+$/.test(name)) return [];
  const lines = [
    `address ${address}/${prefix}`,
    `gateway ${gateway}`,
    ...(dns.length === 0 ? [] : [`dns-nameservers ${dns.join(" ")}`]),
  ];
  const change = lines.map((line) => `\\n    ${line}`).join("");
  const head = `^(\\s*iface\\s+${name.replaceAll(".", "\\.")}\\s+inet\\s+)dhcp\\b.*`;
  return [
    `sudo sed -i.old -E ${quoteForSh(`s#${head}#\\1static${change}#`)} ${quoteForSh(profile)}`,
    `sudo sh -c ${quoteForSh(`ifdown ${name}; ifup ${name}`)}`,
  ];
}

/** dhcpcd.conf(5). */
function dhcpcd({ adapter: { name }, address, prefix, gateway, dns }: FixedAddress): readonly string[] {
  const lines = [
    `interface ${name}`,
    `static ip_address=${address}/${prefix}`,
    `static routers=${gateway}`,
    ...(dns.length === 0 ? [] : [`static domain_name_servers=${dns.join(" ")}`]),
  ];
  return [writeTo("/etc/dhcpcd.conf", ["", ...lines], "-a "), "sudo systemctl restart dhcpcd"];
}

/** One line that writes several. */
function writeTo(path: string, lines: readonly string[], flags = ""): string {
  return `printf '%s\\n' ${lines.map((line) => `'${line.replaceAll("'", `'\\''`)}'`).join(" ")} | sudo tee ${flags}${
    quoteForSh(path)
  }`;
}
