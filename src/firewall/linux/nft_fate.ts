/**
 * What happens to a packet in a chain of nftables. Pure.
 *
 * The packet is the first one that a stranger sends to a service. A condition that nearly every such packet meets counts
 * as met: an interface other than loopback, the protocol, a port that includes it, a new connection. A condition on
 * anything else (source addresses, rates, marks, sets by name, extensions of iptables) concerns only some packets: a
 * rule that drops those is a block list, and says nothing about the others. An accept counts only when it has no
 * condition at all: an unnecessary accept of ours does less harm than a port that stays closed.
 */
import type { Protocol } from "../../port/port.ts";
import type { Family } from "../networks.ts";
import type { Direction } from "../rule.ts";
import { chainKey, isObject, type NftChain, type NftRule, type Ruleset, type Statement, textOf } from "./nft_json.ts";

/** The first packet from a stranger to a service, or the first from the service to a stranger. */
export interface Packet {
  readonly direction: Direction;
  readonly protocol: Protocol;
  /** Port of the service; 0 stands for one that no condition names. */
  readonly port: number;
  readonly family: Family;
}

/** What a rule or a chain does; `continue` where it decides nothing. */
type Fate = "drop" | "accept" | "return" | "continue";

/** Follows a packet through the chains of one ruleset. */
export class PacketFate {
  readonly #packet: Packet;
  readonly #chains: ReadonlyMap<string, NftChain>;
  /** The chains that the packet is in; a loop, which the kernel refuses anyway, decides nothing. */
  readonly #entered = new Set<NftChain>();

  constructor(ruleset: Ruleset, packet: Packet) {
    this.#packet = packet;
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
    try {
      for (const [position, rule] of chain.rules.entries()) {
        const fate = this.#ofRule(rule);
        if (fate !== "continue") return { fate, position };
      }
      return undecided;
    } finally {
      this.#entered.delete(chain);
    }
  }

  #ofRule(rule: NftRule): Fate {
    let isForAll = true;
    for (const statement of rule.expr) {
      if (isHarmless(statement)) continue;
      const verdict = isObject(statement.vmap) ? this.#chosen(statement.vmap) : statement;
      const fate = this.#ofVerdict(verdict, rule);
      if (fate !== undefined) return fate === "drop" || isForAll && !("vmap" in statement) ? fate : "continue";
      if (!isMet(statement.match, this.#packet)) return "continue";
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
    const entry = entries.find((entry) => Array.isArray(entry) && isMet({ left: key, right: entry[0] }, this.#packet));
    return isObject(entry?.[1]) ? entry[1] : { continue: null };
  }
}

/** Statements that do not decide where a packet goes. */
const HARMLESS = ["counter", "log", "mangle", "notrack", "comment"];

function isHarmless(statement: Statement): boolean {
  return HARMLESS.some((key) => key in statement) || (isObject(statement.xt) && statement.xt.name === "comment") ||
    (isObject(statement.xt) && statement.xt.name === "LOG");
}

/** iptables' REJECT stays an extension of iptables when nftables shows it. */
function isRejectOfIptables({ xt }: Statement): boolean {
  return isObject(xt) && xt.type === "target" && xt.name === "REJECT";
}

/** Whether nearly every such packet meets a condition. */
function isMet(match: unknown, packet: Packet): boolean {
  if (!isObject(match) || !isObject(match.left)) return false;
  const { left, right, op = "==" } = match;
  const isEqual = op === "==" || op === "in";
  if (!isEqual && op !== "!=") return false;
  const [key, ...others] = keysOf(left);
  if (others.length > 0 || key === undefined) return false;
  if (key === "meta iifname" || key === "meta oifname" || key === "meta iif" || key === "meta oif") {
    return isEqual ? !includes(right, "lo") : includes(right, "lo");
  }
  const actual = valueOf(key, packet);
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

/** The value that such a packet has there; `undefined` where such packets differ. */
function valueOf(key: string, { direction, protocol, port, family }: Packet): string | number | undefined {
  const portField = direction === "in" ? "dport" : "sport";
  switch (key) {
    case "meta nfproto":
      return family === 4 ? "ipv4" : "ipv6";
    case "meta protocol":
      return family === 4 ? "ip" : "ip6";
    case "meta l4proto":
    case family === 4 ? "ip protocol" : "ip6 nexthdr":
      return protocol;
    case "meta pkttype":
      return "host";
    case "ct state":
      return direction === "in" ? "new" : undefined;
    case "tcp flags":
      return protocol === "tcp" && direction === "in" ? "syn" : undefined;
    case "fib type daddr":
      return direction === "in" ? "local" : undefined;
    case `${protocol} ${portField}`:
    case `th ${portField}`:
      return port;
    default:
      return undefined;
  }
}

/** Whether a right-hand side (a value, a list, a range, an anonymous set) includes a value. */
function includes(right: unknown, value: string | number): boolean {
  if (Array.isArray(right)) return right.some((part) => includes(part, value));
  if (!isObject(right)) return right === value;
  if (isObject(right.elem)) return includes(right.elem.val, value);
  if (Array.isArray(right.range) && typeof value === "number") {
    const [first, last] = right.range;
    return typeof first === "number" && typeof last === "number" && first <= value && value <= last;
  }
  return "set" in right && includes(right.set, value);
}
