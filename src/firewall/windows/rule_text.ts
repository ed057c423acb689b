/**
 * A rule of Windows' firewall as the registry stores it: one line of fields, each followed by a bar,
 * `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|Name=Web|`; [MS-GPFAS] 2.2.2.19. Pure.
 */
import { addressBytes } from "../../os/address.ts";
import type { PortRange } from "../../port/port.ts";
import { canonicalNetwork, type Family, familyOf } from "../networks.ts";
import { type Profile, PROFILES } from "../rule.ts";

/** One field; a rule may have a key several times. */
export interface RuleField {
  readonly key: string;
  readonly value: string;
}

/** Ports, or a keyword that stands for some: `RPC`, `RPC-EPMap`, `IPHTTPSIn`, `mDNS` and others. */
export type RulePorts = PortRange | string;

/** Remote addresses; [MS-GPFAS] 2.2.2.9 to 2.2.2.13. */
export interface RuleAddress {
  readonly family: Family;
  readonly kind: "network" | "keyword";
  /** A network in canonical form, also for a single address, or a keyword: `LocalSubnet`. */
  readonly text: string;
}

/** What a rule says. */
export interface RuleText {
  readonly action: "Allow" | "Block" | "ByPass" | undefined;
  readonly active: boolean;
  readonly direction: "In" | "Out" | undefined;
  /** The number of the IP protocol; `undefined` for every one. */
  readonly protocol: number | undefined;
  /** All three where the rule names none. */
  readonly profiles: readonly Profile[];
  /** Empty for every port; likewise the addresses. */
  readonly localPorts: readonly RulePorts[];
  readonly remoteAddresses: readonly RuleAddress[];
  /** The path of the only program that the rule applies to, as it is written: `%SystemRoot%\…`, `System`. */
  readonly app: string | undefined;
  readonly service: string | undefined;
  /** The name that COM and people see; `@FirewallAPI.dll,-28775` stands for a text of that library. */
  readonly name: string | undefined;
  readonly description: string | undefined;
  /** What COM calls the grouping. */
  readonly group: string | undefined;
  /** Whether it allows edge traversal: packets that come through NAT traversal. */
  readonly edge: boolean;
  /**
   * Every other field, in order: keys that no member above stands for, values that are invalid for their key, ranges of
   * addresses, and second fields of a key that may occur only once.
   */
  readonly others: readonly RuleField[];
}

const PROFILE_OF_TOKEN: ReadonlyMap<string, Profile> = new Map([
  ["Domain", "domain"],
  ["Private", "private"],
  ["Public", "public"],
]);
/** Keys whose value FALSE means the same as their absence. */
const FLAGS = ["LSM", "LOM", "PCross", "PCROSS", "AuthByPassOut"];
const ANY = /^/;
/** Keys that may occur once, with the values that are valid. */
const SINGLES: ReadonlyMap<string, RegExp> = new Map([
  ["Action", /^(Allow|Block|ByPass)$/],
  ["Active", /^(TRUE|FALSE)$/],
  ["Dir", /^(In|Out)$/],
  ["Protocol", /^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/],
  ["App", ANY],
  ["Svc", ANY],
  ["Name", ANY],
  ["Desc", ANY],
  ["EmbedCtxt", ANY],
  ["Edge", /^(TRUE|FALSE)$/],
]);

/** Reads a rule. Never fails. @returns `undefined` for text that is no rule: it does not start with a version. */
export function parseRuleText(text: string): RuleText | undefined {
  const [version = "", ...parts] = text.split("|");
  if (!/^v\d{1,3}\.\d{1,3}$/.test(version)) return undefined;
  const singles = new Map<string, string>(), profiles: Profile[] = [], others: RuleField[] = [];
  const localPorts: RulePorts[] = [], remoteAddresses: RuleAddress[] = [];
  for (const part of parts.filter((part) => part !== "")) {
    const [, key = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(part)!;
    const profile = key === "Profile" ? PROFILE_OF_TOKEN.get(value) : undefined;
    const ports = /^LPort(2_\d+)?$/.test(key) ? parsePorts(value) : undefined;
    const address = parseAddress(key, value);
    if (SINGLES.get(key)?.test(value) && !singles.has(key)) singles.set(key, value);
    else if (profile !== undefined) profiles.push(profile);
    else if (ports !== undefined) localPorts.push(ports);
    else if (address !== undefined) remoteAddresses.push(address);
    else if (!FLAGS.includes(key) || value !== "FALSE") others.push({ key, value });
  }
  const protocol = singles.get("Protocol");
  return {
    action: singles.get("Action") as RuleText["action"],
    active: singles.get("Active") === "TRUE",
    direction: singles.get("Dir") as RuleText["direction"],
    protocol: protocol === undefined ? undefined : Number(protocol),
    profiles: profiles.length === 0 ? PROFILES : PROFILES.filter((profile) => profiles.includes(profile)),
    localPorts,
    remoteAddresses,
    app: singles.get("App"),
    service: singles.get("Svc"),
    name: singles.get("Name"),
    description: singles.get("Desc"),
    group: singles.get("EmbedCtxt"),
    edge: singles.get("Edge") === "TRUE",
    others,
  };
}

function parsePorts(value: string): RulePorts | undefined {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value) ?? [];
  if (first === undefined) return /^[a-z][\w-]*$/i.test(value) ? value : undefined;
  const range = { first: Number(first), last: Number(last) };
  return range.first <= range.last && range.last <= 65535 ? range : undefined;
}

/** Reads a field of a remote address; `undefined` where it is none, or neither a network nor a keyword. */
function parseAddress(key: string, value: string): RuleAddress | undefined {
  const [, digit] = /^RA([46])2?$/.exec(key) ?? [];
  if (digit === undefined) return undefined;
  const family = digit === "4" ? 4 : 6;
  if (/^[a-z]\w*$/i.test(value)) return { family, kind: "keyword", text: value };
  const [address = "", mask, ...more] = value.split("/");
  const length = mask === undefined ? [] : [family === 4 ? prefixLength(mask) : mask];
  const text = canonicalNetwork([address, ...length, ...more].join("/"));
  return text !== undefined && familyOf(text) === family ? { family, kind: "network", text } : undefined;
}

/** The length of a mask such as `255.0.0.0`; any other text as it is. */
function prefixLength(text: string): string {
  const bits = addressBytes(text)?.map((byte) => byte.toString(2).padStart(8, "0")).join("") ?? "";
  return bits.length === 32 && /^1*0*$/.test(bits) ? `${bits.lastIndexOf("1") + 1}` : text;
}
