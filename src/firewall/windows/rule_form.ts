/** Rules of portd in the form that Windows keeps and COM takes, and back. Pure. */
import type { PortRange } from "../../port/port.ts";
import { type ActualRule, type Direction, makeRule, type RemoteAddress, type Rule, ruleName } from "../rule.ts";
import type { RuleAddress } from "./rule_address.ts";
import { parseRuleText, type RuleText } from "./rule_text.ts";

/** The group of portd's rules: `EmbedCtxt` in the registry, the grouping of COM. */
export const GROUP = "portd";

/** The properties of a new rule for COM; netfw.h. It allows, without edge traversal. */
export interface RuleProperties {
  /** COM finds a rule only by its name, so no foreign rule may have it. */
  readonly name: string;
  readonly description: string;
  readonly group: string;
  readonly direction: Direction;
  /** The number of the IP protocol. */
  readonly protocol: number;
  readonly localPorts: string;
  /** `*`, or addresses with commas between. */
  readonly remoteAddresses: string;
  /** Bits of `NET_FW_PROFILE_TYPE2`. */
  readonly profiles: number;
}

/** A rule of the registry. */
export interface StoredRule {
  /** The name of the value, by which Windows identifies the rule. */
  readonly id: string;
  /** Its content; `undefined` where the value is no rule. */
  readonly text: RuleText | undefined;
}

/** A rule of ours in the registry. */
export interface OwnRule extends ActualRule {
  readonly id: string;
  /** Its name in COM. */
  readonly comName: string;
}

/** The rules of a host: ours, and all others. */
export interface SortedRules {
  readonly own: readonly OwnRule[];
  readonly foreign: readonly StoredRule[];
}

const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const;
/** `NET_FW_PROFILE_TYPE2`, icftypes.h. */
const PROFILE_BIT = { domain: 1, private: 2, public: 4 } as const;
const OUR_NAME = /^(portd-(in|out)-(tcp|udp)-([1-9]\d{0,4}))(?: |$)/;

/** Reads the value of a rule. */
export function storedRule(id: string, value: string): StoredRule {
  return { id, text: parseRuleText(value) };
}

/**
 * Separates our rules from all others. Ours are in our group, begin with the name of a rule and have the owner's mark in
 * their description, all three: others may have one of them too.
 */
export function sortRules(rules: readonly StoredRule[], owner: string): SortedRules {
  const own: OwnRule[] = [], foreign: StoredRule[] = [];
  for (const rule of rules) {
    const ours = ownRule(rule, owner);
    if (ours === undefined) foreign.push(rule);
    else own.push(ours);
  }
  return { own, foreign };
}

function ownRule({ id, text }: StoredRule, owner: string): OwnRule | undefined {
  if (text?.name === undefined || text.group !== GROUP || !text.description?.endsWith(mark(owner))) return undefined;
  const [, name] = OUR_NAME.exec(text.name) ?? [];
  return name === undefined ? undefined : { id, name, comName: text.name, rule: ruleOf(name, text) };
}

/** The content of a rule of ours; `undefined` where portd makes no such rule. */
function ruleOf(name: string, text: RuleText): Rule | undefined {
  const direction = text.direction === "In" ? "in" : "out";
  const protocol = text.protocol === PROTOCOL_NUMBER.tcp ? "tcp" : "udp";
  const port = onlyPort(text);
  const remote = remoteOf(text.remoteAddresses);
  if (!isPlain(text) || port === undefined || remote === undefined) return undefined;
  if (name !== ruleName(direction, protocol, port)) return undefined;
  const rule = makeRule({ direction, protocol, port, profiles: text.profiles, remote }, "");
  return { ...rule, displayName: text.name! };
}

/** Whether it says nothing beyond direction, protocol, port, profiles and remote addresses. */
function isPlain(text: RuleText): boolean {
  return text.action === "Allow" && text.active && text.direction !== undefined && !text.edge &&
    (text.protocol === PROTOCOL_NUMBER.tcp || text.protocol === PROTOCOL_NUMBER.udp) &&
    text.app === undefined && text.service === undefined && text.others.length === 0 &&
    text.remotePorts.length === 0 && text.localAddresses.length === 0;
}

function onlyPort({ localPorts }: RuleText): number | undefined {
  const [ports] = localPorts;
  if (localPorts.length !== 1 || typeof ports !== "object") return undefined;
  const { first, last }: PortRange = ports;
  return first === last && first > 0 ? first : undefined;
}

/** Windows stores IPv4 and IPv6 separately, and the local networks as a keyword of each. */
function remoteOf(addresses: readonly RuleAddress[]): readonly RemoteAddress[] | undefined {
  if (addresses.length === 0) return ["any"];
  const keywords = addresses.filter(({ kind }) => kind === "keyword");
  const networks = addresses.filter(({ kind }) => kind === "network");
  if (keywords.length + networks.length < addresses.length) return undefined;
  const texts = networks.map(({ text }) => text);
  if (keywords.length === 0) return texts;
  const families = new Set(keywords.map(({ family }) => family));
  if (families.size !== 2 || keywords.some(({ text }) => text !== "LocalSubnet")) return undefined;
  return [...texts, "LocalSubnet"];
}

/**
 * The properties of a rule for COM.
 *
 * @param taken says whether a foreign rule has a name; ours then gets a number too.
 */
export function propertiesOf(
  { name, direction, protocol, port, profiles, remote, displayName }: Rule,
  { owner, taken }: { readonly owner: string; readonly taken: (name: string) => boolean },
): RuleProperties {
  return {
    name: freeName(comNameOf(name, displayName), taken),
    description: `Lets a leased port be reached until the lease ends; changes by hand are undone. ${mark(owner)}`,
    group: GROUP,
    direction,
    protocol: PROTOCOL_NUMBER[protocol],
    localPorts: String(port),
    remoteAddresses: remote.includes("any") ? "*" : remote.join(),
    profiles: profiles.reduce((bits, profile) => bits | PROFILE_BIT[profile], 0),
  };
}

/** A lone surrogate would not be read back as it was written, nor perhaps a space at the end. */
function comNameOf(name: string, displayName: string): string {
  return displayName.startsWith(name) ? displayName.toWellFormed().trimEnd() : name;
}

/** The form in which names are compared: whether COM ignores case is not documented. */
export function comparableName(name: string): string {
  return name.toLowerCase();
}

function freeName(name: string, taken: (name: string) => boolean): string {
  let free = name;
  for (let number = 2; taken(free); number++) free = `${name} (${number})`;
  return free;
}

function mark(owner: string): string {
  return `[portd ${owner}]`;
}
