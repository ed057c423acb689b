/**
 * portd's rules in a ruleset of nftables: which are there, which are needed, and the commands that make them. Pure.
 *
 * An accept ends only its own base chain, so one in a table of ours would not help against a drop in another table. So
 * an entry goes into every base chain on the hook (input; output for rules of direction out) that drops the packets of
 * a remote network (nft_fate.ts), at its front, one entry a network. Chains of the families inet, ip and ip6 count; bridge, netdev
 * and arp, and other hooks, are not considered. The port is the service's own: the destination port of what comes in,
 * the source port of what goes out. The host's own rules let established connections pass.
 */
import { isDeepStrictEqual } from "node:util";
import { canonicalNetwork, familyOf, shortNetwork } from "../networks.ts";
import { PROTOCOLS } from "../../port/port.ts";
import type { DirectedPort } from "../rule.ts";
import { acceptsOf, type Entries, type EntryOptions } from "./entries.ts";
import { parseMark } from "./mark.ts";
import { canDropIncoming, type Droppers, droppersIn } from "./nft_droppers.ts";
import { chainKey, isObject, type NftRule, type Ruleset, type Statement, textOf } from "./nft_json.ts";

/** A command of libnftables-json(5). */
export type NftCommand =
  | { readonly insert: { readonly rule: Statement } }
  | { readonly delete: { readonly rule: Statement } };

/** The entries of ours in a ruleset, and those that rules of ours need there. */
export function entriesIn(ruleset: Ruleset, options: EntryOptions): Entries<NftCommand> {
  const markIn = ({ comment }: NftRule) => parseMark(options.owner, comment);
  const droppers = droppersIn(ruleset, (rule) => markIn(rule) !== undefined);
  const actual = ruleset.flatMap((chain) =>
    chain.rules.flatMap((rule, position) => {
      const mark = markIn(rule);
      if (mark === undefined) return [];
      const expr = rule.expr.filter((statement) => !("counter" in statement)); // iptables-restore adds counters
      const network = networkOf(expr);
      const isBeforeDrop = droppers(mark, network).some((dropping) =>
        dropping.chain === chain && position <= dropping.position
      );
      const isIntact = isBeforeDrop && isDeepStrictEqual(expr, expressionOf(mark, network));
      const key = isIntact ? keyOf(rule, network) : `altered ${chainKey(rule)} ${rule.handle}`;
      const { family, table, handle } = rule;
      return [{ ...mark, network, key, remove: { delete: { rule: { family, table, chain: rule.chain, handle } } } }];
    })
  );
  return {
    actual,
    foreign: ruleset.flatMap(({ rules }) => rules).length - actual.length,
    remarks: remarksOn(ruleset, droppers),
    wanted: (rule) =>
      acceptsOf(rule, [4, 6], options).flatMap(({ mark, ...accept }) =>
        droppers(rule, accept.network).map(({ chain: { family, table, chain } }) => {
          const entry = { family, table, chain, comment: mark, expr: expressionOf(rule, accept.network) };
          return { ...accept, key: keyOf(entry, accept.network), add: { insert: { rule: entry } } };
        })
      ),
  };
}

function remarksOn(ruleset: Ruleset, droppers: Droppers): string[] {
  if (!canDropIncoming(ruleset)) return ["nftables does not drop what comes in: no port needs a rule"];
  if (PROTOCOLS.some((protocol) => droppers({ direction: "in", protocol, port: 0 }).length > 0)) return [];
  return [
    "nftables drops only some of what comes in: portd makes a rule where it drops a port that is open, or a whole " +
    "network that the port is open to; what it drops for other reasons (some senders, rates, sets by name) it still drops",
  ];
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

function addressValue(network: string): unknown {
  const [addr, len] = shortNetwork(network).split("/");
  return len === undefined ? addr : { prefix: { addr, len: Number(len) } };
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
