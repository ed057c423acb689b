/**
 * What happens to a packet in a chain of nftables. Pure.
 *
 * The packet is the first one that a stranger sends to a service. A condition that nearly every such packet meets counts
 * as met: an interface other than loopback, the protocol, a port that includes it, a new connection. The stranger is
 * anyone of a network, so a condition on their address counts as met where it is true of the whole network. A condition
 * on anything else (a part of the network, rates, marks, sets by name, extensions of iptables) concerns only some
 * packets: a rule that drops those is a block list, and says nothing about the others. An accept counts only when it has no
 * condition at all: an unnecessary accept of ours does less harm than a port that stays closed.
 */
import { type AddressRange, addressRange, familyOf, hasRange } from "../networks.ts";
import type { DirectedPort } from "../rule.ts";
import { chainKey, isObject, type NftChain, type NftRule, type Ruleset, type Statement, textOf } from "./nft_json.ts";

/**
 * The first packet from a stranger to a service, or the first from the service to a stranger. Port 0 stands for one that
 * no condition names.
 */
export interface Packet extends DirectedPort {
  /** The stranger's network, in canonical form. */
  readonly network: string;
}

/** What a rule or a chain does; `continue` where it decides nothing. */
type Fate = "drop" | "accept" | "return" | "continue";

/** Follows a packet through the chains of one ruleset. */
export class PacketFate {
  readonly #values: PacketValues;
  readonly #chains: ReadonlyMap<string, NftChain>;
  /** The chains that the packet is in; a loop, which the kernel refuses anyway, decides nothing. */
  readonly #entered = new Set<NftChain>();

  constructor(ruleset: Ruleset, packet: Packet) {
    this.#values = valuesOf(packet);
    this.#chains = new Map(ruleset.map((chain) => [chainKey(chain), chain]));
  }

  /**
   * The position of the rule by which a base chain drops the packet, or the number of its rules where its policy does;
   * `undefined` where it does not drop it.
   */
  dropIn(chain: NftChain): number | undefined {
    const { fate, position } = this.#through(chain);
    if (fate === "drop") return position;
    return fate !== "accept" && chain.policy === "drop" ? chain.rules.length : undefined;
  }

  /** What a chain does, and by which of its rules. */
  #through(chain: NftChain): { readonly fate: Fate; readonly position: number } {
    const undecided = { fate: "continue", position: chain.rules.length } as const;
    if (this.#entered.has(chain)) return undecided;
    this.#entered.add(chain);
    const fates = chain.rules.values().map((rule, position) => ({ fate: this.#ofRule(rule), position }));
    const decided = fates.find(({ fate }) => fate !== "continue");
    this.#entered.delete(chain);
    return decided ?? undecided;
  }

  #ofRule(rule: NftRule): Fate {
    let isForAll = true;
    for (const statement of rule.expr) {
      if (isHarmless(statement)) continue;
      const verdict = isObject(statement.vmap) ? this.#chosen(statement.vmap) : statement;
      const fate = this.#ofVerdict(verdict, rule);
      if (fate !== undefined) return fate === "drop" || isForAll && !("vmap" in statement) ? fate : "continue";
      if (!isMet(statement.match, this.#values)) return "continue";
      isForAll = false;
    }
    return "continue";
  }

  /** `undefined` when a statement is no verdict. */
  #ofVerdict(verdict: Statement, rule: NftRule): Fate | undefined {
    if ("drop" in verdict || "reject" in verdict || isRejectOfIptables(verdict)) return "drop";
    if ("accept" in verdict) return "accept";
    if ("return" in verdict) return "return";
    if ("continue" in verdict) return "continue";
    const jump = verdict.jump ?? verdict.goto;
    if (!isObject(jump)) return undefined;
    const target = this.#chains.get(chainKey({ ...rule, chain: textOf(jump.target) }));
    const fate = target === undefined ? "continue" : this.#through(target).fate;
    if (fate === "drop" || fate === "accept") return fate;
    return "goto" in verdict ? "return" : "continue";
  }

  /** The verdict that a verdict map has for the packet. */
  #chosen({ key, data }: Statement): Statement {
    const entries = isObject(data) && Array.isArray(data.set) ? data.set : [];
    const entry = entries.find((entry) => Array.isArray(entry) && isMet({ left: key, right: entry[0] }, this.#values));
    return isObject(entry?.[1]) ? entry[1] : { continue: null };
  }
}

/** Statements that do not decide where a packet goes. */
const HARMLESS = ["counter", "log", "mangle", "notrack", "comment"];

function isHarmless(statement: Statement): boolean {
  return HARMLESS.some((key) => key in statement) ||
    isObject(statement.xt) && (statement.xt.name === "comment" || statement.xt.name === "LOG");
}

/** iptables' REJECT stays an extension of iptables when nftables shows it. */
function isRejectOfIptables({ xt }: Statement): boolean {
  return isObject(xt) && xt.type === "target" && xt.name === "REJECT";
}

/** What a condition may look at, `tcp dport`, and what such a packet has there; absent where such packets differ. */
type PacketValues = ReadonlyMap<string, PacketValue>;

type PacketValue = string | number | AddressRange;

/** Whether nearly every such packet meets a condition. */
function isMet(match: unknown, values: PacketValues): boolean {
  if (!isObject(match) || !isObject(match.left)) return false;
  const { left, right, op = "==" } = match;
  const isEqual = op === "==" || op === "in";
  if (!isEqual && op !== "!=") return false;
  const [key = "", ...others] = keysOf(left);
  if (others.length > 0) return false;
  if (/^meta [io]if(name)?$/.test(key)) return includes(right, "lo") !== isEqual;
  const actual = values.get(key);
  return actual !== undefined && includes(right, actual) === isEqual;
}

/** What a condition looks at: `tcp dport`, `meta l4proto`, `ct state`, `fib type`. */
function keysOf(left: Statement): string[] {
  if (Array.isArray(left["&"])) return left["&"].filter(isObject).flatMap(keysOf);
  const { meta, ct, payload, fib } = left;
  if (isObject(meta)) return [`meta ${textOf(meta.key)}`];
  if (isObject(ct)) return [`ct ${textOf(ct.key)}`];
  if (isObject(fib)) return [`fib ${textOf(fib.result)} ${[fib.flags].flat().map(textOf).join()}`];
  return isObject(payload) ? [`${textOf(payload.protocol)} ${textOf(payload.field)}`] : [];
}

function valuesOf({ direction, protocol, port, network }: Packet): PacketValues {
  const [addressField, portField] = direction === "in" ? ["saddr", "dport"] : ["daddr", "sport"];
  const family = familyOf(network);
  return new Map<string, PacketValue>([
    [`${family === 4 ? "ip" : "ip6"} ${addressField}`, addressRange(network)!],
    ["meta nfproto", family === 4 ? "ipv4" : "ipv6"],
    ["meta protocol", family === 4 ? "ip" : "ip6"],
    ["meta l4proto", protocol],
    [family === 4 ? "ip protocol" : "ip6 nexthdr", protocol],
    ["meta pkttype", "host"],
    [`${protocol} ${portField}`, port],
    [`th ${portField}`, port],
    ...(direction === "in" ? [["ct state", "new"], ["fib type daddr", "local"]] as const : []),
    ...(direction === "in" && protocol === "tcp" ? [["tcp flags", "syn"]] as const : []),
  ]);
}

/** Whether a right-hand side (a value, a list, a range, a network, an anonymous set) includes a value. */
function includes(right: unknown, value: PacketValue): boolean {
  if (Array.isArray(right)) return right.some((part) => includes(part, value));
  if (!isObject(right)) return typeof value === "object" ? isWithin(value, textOf(right)) : right === value;
  if (isObject(right.elem)) return includes(right.elem.val, value);
  if (isObject(right.prefix)) {
    return typeof value === "object" && isWithin(value, `${textOf(right.prefix.addr)}/${textOf(right.prefix.len)}`);
  }
  if (Array.isArray(right.range)) {
    const [first, last] = right.range;
    if (typeof value === "object") return isWithin(value, textOf(first), textOf(last));
    return typeof value === "number" && typeof first === "number" && typeof last === "number" && first <= value &&
      value <= last;
  }
  return "set" in right && includes(right.set, value);
}

function isWithin(value: AddressRange, ...networks: [string, string?]): boolean {
  const range = addressRange(...networks);
  return range !== undefined && hasRange(range, value);
}
