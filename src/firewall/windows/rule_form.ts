/** Rules of portd in the form that Windows keeps and COM takes, and back. Pure. */
import type { ActualRule, DirectedPort, Direction, RemoteAddress, Rule } from "../rule.ts";
import { makeRule, parseRuleName } from "../rule.ts";
import type { RuleAddress, RuleText } from "./rule_text.ts";

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
  /** Whether it has an effect. @default true */
  readonly isActive?: boolean;
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
  /** Its name in COM. */
  readonly comName: string;
}

/** The rules of a host: ours, and all others. */
export interface SortedRules {
  readonly own: readonly OwnRule[];
  readonly foreign: readonly StoredRule[];
}

/** Numbers of the IP protocols, and words for the directions, as a rule has them. */
export const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const, DIRECTION_WORD = { in: "In", out: "Out" } as const;
/** `NET_FW_PROFILE_TYPE2`, icftypes.h. */
const PROFILE_BIT = { domain: 1, private: 2, public: 4 } as const;

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

function ownRule({ text }: StoredRule, owner: string): OwnRule | undefined {
  if (text?.name === undefined || text.group !== GROUP || !text.description?.endsWith(mark(owner))) return undefined;
  const [name = ""] = text.name.split(" ");
  const port = parseRuleName(name);
  return port && { name, comName: text.name, rule: ruleOf(port, text) };
}

/** The content of a rule of ours; `undefined` where portd makes no such rule. */
function ruleOf({ direction, protocol, port }: DirectedPort, text: RuleText): Rule | undefined {
  const [ports, ...morePorts] = text.localPorts;
  const isItsPort = typeof ports === "object" && ports.first === port && ports.last === port && morePorts.length === 0;
  const isPlain = text.action === "Allow" && text.active && !text.edge && text.app === undefined &&
    text.service === undefined && text.others.length === 0;
  const remote = remoteOf(text.remoteAddresses);
  if (!isPlain || !isItsPort || text.direction !== DIRECTION_WORD[direction]) return undefined;
  if (text.protocol !== PROTOCOL_NUMBER[protocol] || remote === undefined) return undefined;
  const rule = makeRule({ direction, protocol, port, profiles: text.profiles, remote }, "");
  return { ...rule, displayName: text.name! };
}

/** Windows stores IPv4 and IPv6 separately, and the local networks as a keyword of each. */
function remoteOf(addresses: readonly RuleAddress[]): readonly RemoteAddress[] | undefined {
  if (addresses.length === 0) return ["any"];
  const keywords = addresses.filter(({ kind }) => kind === "keyword");
  const families = new Set(keywords.map(({ family }) => family));
  if (families.size === 1 || keywords.some(({ text }) => text !== "LocalSubnet")) return undefined;
  return addresses.map(({ text }) => text);
}

/**
 * The properties of a rule for COM.
 *
 * @param isTaken says whether a foreign rule has a name; ours then gets a number too.
 */
export function propertiesOf(
  { name, direction, protocol, port, profiles, remote, displayName }: Rule,
  { owner, isTaken }: { readonly owner: string; readonly isTaken: (name: string) => boolean },
): RuleProperties {
  // A lone surrogate would not be read back as it was written, nor perhaps a space at the end.
  const comName = displayName.startsWith(name) ? displayName.toWellFormed().trimEnd() : name;
  let freeName = comName;
  for (let number = 2; isTaken(freeName); number++) freeName = `${comName} (${number})`;
  return {
    name: freeName,
    description: `Lets a leased port be reached until the lease ends; changes by hand are undone. ${mark(owner)}`,
    group: GROUP,
    direction,
    protocol: PROTOCOL_NUMBER[protocol],
    localPorts: String(port),
    remoteAddresses: remote.includes("any") ? "*" : remote.join(),
    profiles: profiles.reduce((bits, profile) => bits | PROFILE_BIT[profile], 0),
  };
}

/** The form in which names are compared: whether COM ignores case is not documented. */
export function comparableName(name: string): string {
  return name.toLowerCase();
}

function mark(owner: string): string {
  return `[portd ${owner}]`;
}
