/**
 * portd's rules in a ruleset of nftables: which there are, which are needed, and the commands that make them. Pure.
 *
 * An accept ends only its own base chain, so that one in a table of ours would not help against a drop in another. It
 * must therefore stand in every base chain on the hook (input; output for rules of direction out) that drops the packet
 * (nft_fate.ts), in front, one entry a remote network. Chains of the families inet, ip and ip6 count; bridge, netdev and
 * arp, and other hooks, are not looked at. A chain that drops nothing of it gets none. The port is the service's own: the
 * destination port of what comes in, the source port of what goes out. Answers to what was let in, and what is
 * established, are the matter of the host's own rules.
 */
import type { ActualRule, Difference, Direction, Rule } from "../rule.ts";
import { type Accept, acceptsOf, type Entry, reducedRule, rulesOf } from "./accepts.ts";
import { markOf, type NamedPort, parseMark, parseName } from "./mark.ts";
import { canonicalNetwork, familyOf } from "../networks.ts";
import { Droppers, FAMILIES_OF_TABLE } from "./nft_droppers.ts";
import { PacketFate } from "./nft_fate.ts";
import { chainKey, isObject, type NftChain, type NftRule, type Ruleset, type Statement, textOf } from "./nft_json.ts";

/** Our view of a ruleset. */
export interface NftView {
  readonly ruleset: Ruleset;
  /** As in `BackendOptions`. */
  readonly owner: string;
  /** The networks that `LocalSubnet` stands for, in their one form. */
  readonly local: readonly string[];
  readonly droppers: Droppers;
}

/** A view of a ruleset as it was read. */
export function viewOf({ ruleset, owner, local }: Omit<NftView, "droppers">): NftView {
  const droppers = new Droppers(ruleset, (comment) => parseMark(owner, comment) !== undefined);
  return { ruleset, owner, local, droppers };
}

/** A command of libnftables-json(5). */
export type NftCommand =
  | { readonly insert: { readonly rule: Statement } }
  | { readonly delete: { readonly rule: Statement } };

/** One of our entries with its place. */
interface NftEntry extends Entry {
  readonly rule: NftRule;
}

/** Our rules, in no order. */
export function readRules(view: NftView): ActualRule[] {
  return rulesOf(ourEntries(view), (rule) => wantedEntries(view, rule).map(({ key }) => key));
}

/** How many rules are not ours. */
export function countForeign(view: NftView): number {
  return view.ruleset.reduce((sum, { rules }) => sum + rules.length, 0) - ourEntries(view).length;
}

/** What of a rule is needed, as `FirewallReading.needed` says. */
export function neededRule({ droppers, local }: NftView, rule: Rule): Rule | undefined {
  return reducedRule(
    rule,
    droppers.of(rule).flatMap(({ families }) => acceptsOf(rule, { families, local })),
  );
}

/** Whether packets for a port that no rule names are dropped. */
export function dropsByDefault({ droppers }: NftView, direction: Direction): boolean {
  return (["tcp", "udp"] as const).some((protocol) => droppers.of({ direction, protocol, port: 0 }).length > 0);
}

/** The commands that carry a difference out; as one transaction they are carried out all or not at all. */
export function commandsFor(view: NftView, { add, change, remove }: Difference): NftCommand[] {
  const wanted = [...add, ...change];
  const names = new Set([...wanted.map(({ name }) => name), ...remove]);
  const old = ourEntries(view).filter(({ mark }) => names.has(mark.name)).map(({ rule }) => rule);
  return [
    ...old.map(({ family, table, chain, handle }) => ({ delete: { rule: { family, table, chain, handle } } })),
    ...wanted.flatMap((rule) => wantedEntries(view, rule)).map(({ rule }) => ({ insert: { rule } })),
  ];
}

/** The entries that a rule takes. */
function wantedEntries({ droppers, owner, local }: NftView, rule: Rule): { key: string; rule: Statement }[] {
  return droppers.of(rule).flatMap(({ chain: { family, table, chain }, families }) =>
    acceptsOf(rule, { families, local }).map((accept) => {
      const comment = markOf(owner, rule, accept.scope);
      const expr = expressionOf(rule, accept);
      return { key: entryKey({ family, table, chain, comment, expr }), rule: { family, table, chain, comment, expr } };
    })
  );
}

/** The entries with our mark, wherever they stand. */
function ourEntries({ ruleset, owner }: NftView): NftEntry[] {
  return ruleset.flatMap((chain) =>
    chain.rules.flatMap((rule) => {
      const mark = parseMark(owner, rule.comment);
      if (mark === undefined) return [];
      const isBehind = isBehindADrop(ruleset, chain, { rule, port: parseName(mark.name)! });
      return [{ mark, rule, network: networkOf(rule), key: entryKey(rule) + (isBehind ? " behind a drop" : "") }];
    })
  );
}

/** Whether an entry comes too late to be of use. */
function isBehindADrop(
  ruleset: Ruleset,
  chain: NftChain,
  { rule, port }: { readonly rule: NftRule; readonly port: NamedPort },
): boolean {
  const families = FAMILIES_OF_TABLE[chain.family] ?? [];
  return families.some((family) => new PacketFate(ruleset, { ...port, family }).isDroppedBefore(rule, chain));
}

/** An accept as nftables writes it. */
function expressionOf({ direction, protocol, port }: NamedPort, { network }: Accept): Statement[] {
  const [addressField, portField] = direction === "in" ? ["saddr", "dport"] as const : ["daddr", "sport"] as const;
  const isPort = equals(protocol, portField, port);
  if (network === undefined) return [isPort, { accept: null }];
  const isFromThere = equals(familyOf(network) === 4 ? "ip" : "ip6", addressField, addressValue(network));
  return [isFromThere, isPort, { accept: null }];
}

function equals(protocol: string, field: string, right: unknown): Statement {
  return { match: { op: "==", left: { payload: { protocol, field } }, right } };
}

/** nftables writes a network of one address as that address. */
function addressValue(network: string): unknown {
  const [addr, length] = network.split("/");
  const len = Number(length);
  return len === (familyOf(network) === 4 ? 32 : 128) ? addr : { prefix: { addr, len } };
}

/** The network in the place where {@linkcode expressionOf} puts it. */
function networkOf({ expr: [statement] }: NftRule): string | undefined {
  const match = statement?.match;
  if (!isObject(match)) return undefined;
  if (typeof match.right === "string") return canonicalNetwork(match.right);
  const prefix = isObject(match.right) ? match.right.prefix : undefined;
  return isObject(prefix) ? canonicalNetwork(`${textOf(prefix.addr)}/${textOf(prefix.len)}`) : undefined;
}

/** Counters change nothing, and iptables-restore gives everything one. */
function entryKey({ family, table, chain, comment, expr }: Omit<NftRule, "handle">): string {
  const statements = expr.filter((statement) => !("counter" in statement));
  return `${chainKey({ family, table, chain })} ${comment} ${stableJson(statements)}`;
}

/** The order of members differs between versions of nft. */
function stableJson(value: unknown): string {
  const sortMembers = (_key: string, value: unknown) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)) : value;
  return JSON.stringify(value, sortMembers);
}
