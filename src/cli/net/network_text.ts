/** The network as `portd net` shows it to people. Pure. */
import { withoutZone } from "../../os/address.ts";
import { addressAsItIs } from "../../adapters/fix_commands.ts";
import type { Adapter, AdapterAddress, InternetRoute, NetworkFacts } from "../../client/wire.ts";
import type { Cell, Column } from "../table.ts";
import { escapeControls, type Fact } from "../terminal.ts";

/** The columns of the table. */
export const HEAD: readonly (string | Column)[] = [
  { title: "ADAPTER", least: 8 },
  { title: "KIND", spare: 2 },
  "ADDRESS",
  "FROM",
  { title: "GATEWAY", least: 8 },
  { title: "DNS", least: 8, spare: 3 },
  { title: "MAC", spare: 1 },
];

/**
 * The rows: one an address, the adapter's name at its first one. Without `all`, adapters that are down, loopback, and
 * link-local and temporary addresses are left out.
 */
export function rowsOf({ adapters, internet }: NetworkFacts, all: boolean): readonly (readonly Cell[])[] {
  const outward = new Set([internet.ipv4?.adapter, internet.ipv6?.adapter]);
  const isShown = ({ name, isUp, kind, addresses }: Adapter) =>
    all || outward.has(name) || (isUp && kind !== "loopback" && addresses.some(isOfUse));
  const first = adapters.filter(({ name }) => outward.has(name)),
    rest = adapters.filter(({ name }) => !outward.has(name));
  return [...first, ...rest].filter(isShown).flatMap((adapter) =>
    rowsOfAdapter(adapter, all, outward.has(adapter.name))
  );
}

/** Whether others can use it, tomorrow too. */
function isOfUse({ scope, isTemporary }: AdapterAddress): boolean {
  return scope !== "link" && !isTemporary;
}

function rowsOfAdapter(adapter: Adapter, all: boolean, isOutward: boolean): readonly (readonly Cell[])[] {
  const { name, kind, isVirtual, isUp, mac, gateways, dns } = adapter;
  const wanted = adapter.addresses.filter((address) => all || isOfUse(address));
  const addresses: readonly (AdapterAddress | undefined)[] = wanted.length > 0 ? wanted : [adapter.addresses[0]];
  const kindText = `${isVirtual && kind !== "loopback" ? "virtual" : kind}${isUp ? "" : ", down"}`;
  return addresses.map((address, i): readonly Cell[] => {
    const ofFamily = (list: readonly string[]) => firstOfFamily(list, address, wanted.slice(0, i));
    return [
      i === 0 ? [name, isOutward ? "bold" : undefined] : "",
      i === 0 ? kindText : "",
      address === undefined ? "-" : `${address.address}/${address.prefix}`,
      address === undefined ? "-" : originText(address),
      ofFamily(gateways),
      ofFamily(dns),
      i === 0 ? mac ?? "-" : "",
    ];
  });
}

/** Those of the address's family, at the first address of that family. */
function firstOfFamily(
  list: readonly string[],
  address: AdapterAddress | undefined,
  before: readonly AdapterAddress[],
): string {
  if (before.some(({ family }) => family === address?.family)) return "";
  return list.filter((each) => each.includes(":") === (address?.family === "ipv6")).join(", ") || "-";
}

function originText({ origin, isTemporary, scope }: AdapterAddress): string {
  if (scope === "loopback") return "-";
  return `${origin ?? "?"}${isTemporary ? ", temporary" : ""}`;
}

/** What the table means: the way to the internet, and whether its address stays. */
export function factsOf(facts: NetworkFacts): readonly Fact[] {
  const { ipv4, ipv6 } = facts.internet;
  return [
    ["IPv4", wayText(ipv4)],
    ["IPv6", wayText(ipv6)],
    ...addressFacts(facts),
  ];
}

function wayText(way: InternetRoute | null): string {
  if (way === null) return "no way to the internet";
  const { adapter, address, gateway } = way;
  return `${address} on ${adapter}, ${gateway === null ? "without a router" : `by the router ${withoutZone(gateway)}`}`;
}

function addressFacts(facts: NetworkFacts): readonly Fact[] {
  const { ipv4 } = facts.internet;
  const adapter = facts.adapters.find(({ name }) => name === ipv4?.adapter);
  const origin = adapter?.addresses.find(({ address }) => address === ipv4?.address)?.origin;
  if (adapter === undefined || origin !== "dhcp") return [];
  const risk = "is from DHCP: what was typed into the router by hand leads elsewhere once the address changes";
  const manager = adapter.managedBy;
  const place = `fix the address where ${adapter.name} is configured, or have the router reserve it for this machine`;
  const unknown: Fact = ["fix it", place];
  return [
    ["address", `${ipv4!.address} ${risk}`, "yellow"],
    ...(facts.fixCommands.length > 0
      ? [
        ["fix it", `${manager} configures it; these commands would fix the address (portd runs none of them)`] as const,
      ]
      : addressAsItIs(facts) === undefined
      ? []
      : [unknown]),
  ];
}

/** The commands, ready to be copied. */
export function commandLines({ fixCommands }: NetworkFacts): string {
  return fixCommands.map((command) => `  ${escapeControls(command)}\n`).join("");
}
