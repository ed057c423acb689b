/**
 * portd's rules in a ruleset of nftables: which are there, which are needed, and the commands that make them. Pure.
 *
 * An accept ends only its own base chain, so one in a table of ours would not help against a drop in another table. So
 * an entry goes into every base chain on the hook (input; output for rules of direction out) that drops the packet
 * (nft_fate.ts), at its front, one entry a remote network. Chains of the families inet, ip and ip6 count; bridge, netdev
 * and arp, and other hooks, are not considered. The port is the service's own: the destination port of what comes in,
 * the source port of what goes out. The host's own rules let established connections pass.
 */
import { canonicalNetwork, familyOf } from "../networks.ts";
import type { ReadOptions } from "./dialect.ts";
import { acceptsOf, type Entries } from "./entries.ts";
import { type DirectedPort, type Mark, markOf, parseMark } from "./mark.ts";
import { Droppers } from "./nft_droppers.ts";
import { chainKey, isEqual, isObject, type NftRule, type Ruleset, type Statement, textOf } from "./nft_json.ts";

/** A command of libnftables-json(5). */
export type NftCommand =
  | { readonly insert: { readonly rule: Statement } }
  | { readonly delete: { readonly rule: Statement } };

/** The entries of ours in a ruleset, and those that rules of ours need there. */
export function entriesIn(
  ruleset: Ruleset,
  { owner, local }: Pick<ReadOptions, "owner" | "local">,
): Entries<NftCommand> {
  const marks = marksIn(ruleset, owner);
  const droppers = new Droppers(ruleset, (rule) => marks.has(rule));
  const actual = ruleset.flatMap((place) =>
    place.rules.flatMap((rule, position) => {
      const mark = marks.get(rule);
      if (mark === undefined) return [];
      const { family, table, chain, handle } = rule;
      const expr = rule.expr.filter((statement) => !("counter" in statement)); // iptables-restore adds counters
      const network = networkOf(expr);
      const isIntact = isEqual(expr, expressionOf(mark, network)) && droppers.isBefore(mark, place, position);
      const key = isIntact ? keyOf(rule, network) : `altered ${chainKey(rule)} ${handle}`;
      return [{ mark, network, key, remove: { delete: { rule: { family, table, chain, handle } } } }];
    })
  );
  return {
    actual,
    foreign: ruleset.reduce((sum, { rules }) => sum + rules.length, 0) - actual.length,
    remarks: remarksOn(droppers),
    wanted: (rule) =>
      droppers.of(rule).flatMap(({ chain: { family, table, chain }, families }) =>
        acceptsOf(rule, { families, local }).map((accept) => {
          const comment = markOf(owner, rule, accept.scope);
          const entry = { family, table, chain, comment, expr: expressionOf(rule, accept.network) };
          return { accept, key: keyOf(entry, accept.network), add: { insert: { rule: entry } } };
        })
      ),
  };
}

function marksIn(ruleset: Ruleset, owner: string): ReadonlyMap<NftRule, Mark> {
  const marks = new Map<NftRule, Mark>();
  for (const { rules } of ruleset) {
    for (const rule of rules) {
      const mark = parseMark(owner, rule.comment);
      if (mark !== undefined) marks.set(rule, mark);
    }
  }
  return marks;
}

function remarksOn(droppers: Droppers): string[] {
  const protocols = ["tcp", "udp"] as const;
  if (protocols.some((protocol) => droppers.of({ direction: "in", protocol, port: 0 }).length > 0)) return [];
  return ["nftables does not drop what comes in: a rule is made only for a port that one of its chains drops by name"];
}

/** An accept as nftables writes it. */
function expressionOf({ direction, protocol, port }: DirectedPort, network: string | undefined): Statement[] {
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

/** The network where {@linkcode expressionOf} puts it. */
function networkOf([statement]: readonly Statement[]): string | undefined {
  const match = statement?.match;
  if (!isObject(match)) return undefined;
  if (typeof match.right === "string") return canonicalNetwork(match.right);
  const prefix = isObject(match.right) ? match.right.prefix : undefined;
  return isObject(prefix) ? canonicalNetwork(`${textOf(prefix.addr)}/${textOf(prefix.len)}`) : undefined;
}

/** Entries of the same place, mark and network have the same key; their mark implies the rest. */
function keyOf(rule: Pick<NftRule, "family" | "table" | "chain" | "comment">, network: string | undefined): string {
  return `${chainKey(rule)} ${rule.comment} ${network}`;
}
