/**
 * ufw's rules as it keeps them, in /etc/ufw/user.rules and user6.rules: a line `### tuple ###` a rule, in the order in
 * which they apply. Pure.
 *
 *     ### tuple ### <action> <protocol> <dport> <dst> <sport> <src> [<dapp> <sapp>] <direction> [comment=<hex of UTF-8>]
 *
 * For ufw a rule is what it matches: it never has two that match the same, a second one takes the place of the first. So
 * where somebody else's rule matches what an entry of ours would, there is none of ours: either his lets it pass anyway,
 * or he does not want it.
 */
import type { ActualRule, Difference, Direction, Rule } from "../rule.ts";
import { type Accept, acceptsOf, changesFor, type Entry, reducedRule, rulesOf } from "./accepts.ts";
import { isAnyMark, markOf, type NamedPort, parseMark, parseName } from "./mark.ts";
import { canonicalNetwork, type Family, familyOf } from "../networks.ts";

/** What a rule matches, with ports and addresses in ufw's words: `any` or `443`, `0.0.0.0/0` or `::/0`. */
export interface UfwMatch {
  /** Which of the two files it is in. */
  readonly family: Family;
  /** `in`, `out`, `in_eth0`; `route` stands in front where it is not about this machine itself. */
  readonly direction: string;
  readonly protocol: string;
  readonly dport: string;
  readonly dst: string;
  readonly sport: string;
  readonly src: string;
}

/** A rule. */
export interface UfwRule extends UfwMatch {
  /** `allow`, `deny`, `reject` or `limit`, perhaps with `_log` or `_log-all`. */
  readonly action: string;
  readonly comment: string | undefined;
}

/** All that is known of ufw. */
export interface UfwView {
  readonly rules: readonly UfwRule[];
  /** What becomes of a packet that no rule is about: `DROP`, `REJECT` or `ACCEPT`. */
  readonly policies: Readonly<Record<Direction, string>>;
  /** The IP versions that it governs. */
  readonly families: readonly Family[];
  /** As in `BackendOptions`. */
  readonly owner: string;
  /** The networks that `LocalSubnet` stands for, in their one form. */
  readonly local: readonly string[];
}

interface UfwEntry extends Entry {
  readonly rule: UfwRule;
}

const ANY_ADDRESS: Readonly<Record<Family, string>> = { 4: "0.0.0.0/0", 6: "::/0" };

/** Reads the rules of one file; what is no rule is left out. */
export function parseUfwRules(text: string, family: Family): UfwRule[] {
  const lines = text.split("\n").map((line) => /^### tuple ### (.+)$/.exec(line)?.[1]);
  return lines.filter((line) => line !== undefined).map((line) => parseTuple(line, family))
    .filter((rule) => rule !== undefined);
}

/** Our rules, in no order. */
export function readRules(view: UfwView): ActualRule[] {
  return rulesOf(ourEntries(view), (rule) => wantedEntries(view, rule).map(({ key }) => key));
}

/** How many rules are not ours. */
export function countForeign(view: UfwView): number {
  return view.rules.length - ourEntries(view).length;
}

/** What of a rule is needed, as `FirewallReading.needed` says. */
export function neededRule(view: UfwView, rule: Rule): Rule | undefined {
  return reducedRule(rule, neededAccepts(view, rule).map(({ accept }) => accept));
}

/**
 * The arguments of the calls of ufw that carry a difference out, in their order. What is taken away goes first: ufw would
 * not put a rule in front that it has already.
 */
export function callsFor(view: UfwView, difference: Difference): string[][] {
  const { make, takeAway } = changesFor(difference, ourEntries(view), (rule) => wantedEntries(view, rule));
  return [
    ...takeAway.map(({ rule }) => ["delete", ...wordsOf(rule)]),
    ...make.map(({ rule }) => ["prepend", ...wordsOf(rule), "comment", rule.comment!]),
  ];
}

/** What somebody denies by a rule about a port, a sentence each. */
export function remarksOnDenials({ rules }: UfwView): string[] {
  const denials = rules.filter((rule) =>
    isDenial(rule) && portOf(rule) !== "any" && !rule.direction.startsWith("route")
  );
  return denials.map((rule) => `ufw has a rule of its own that goes before portd's: ${wordsOf(rule).join(" ")}`);
}

function parseTuple(line: string, family: Family): UfwRule | undefined {
  const [, tuple = line, hex] = /^(.*?) comment=([\da-f]*)$/.exec(line) ?? [];
  const fields = tuple.split(" ");
  const [action, protocol, dport, dst, sport, src] = fields;
  const direction = fields.at(-1);
  if (src === undefined || fields.length < 7 || direction === undefined) return undefined;
  const isRoute = action!.startsWith("route:");
  return {
    family,
    direction: isRoute ? `route ${direction}` : direction,
    action: isRoute ? action!.slice("route:".length) : action!,
    protocol: protocol!,
    dport: dport!,
    dst: dst!,
    sport: sport!,
    src,
    comment: hex === undefined ? undefined : textOfHex(hex),
  };
}

function textOfHex(hex: string): string {
  return new TextDecoder().decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)));
}

/** The entries with our mark. */
function ourEntries({ rules, owner }: UfwView): UfwEntry[] {
  return rules.flatMap((rule, i) => {
    const mark = parseMark(owner, rule.comment);
    if (mark === undefined) return [];
    const packet = { ...parseName(mark.name)!, family: rule.family };
    const isBehind = rules.slice(0, i).some((earlier) => isDenial(earlier) && isFor(earlier, packet));
    const network = canonicalNetwork(rule.direction === "out" ? rule.dst : rule.src);
    return [{ mark, rule, network, key: keyOf(rule) + (isBehind ? " behind a denial" : "") }];
  });
}

function wantedEntries(view: UfwView, rule: Rule): { readonly key: string; readonly rule: UfwRule }[] {
  return neededAccepts(view, rule).map(({ accept, match }) => {
    const entry = { ...match, action: "allow", comment: markOf(view.owner, rule, accept.scope) };
    return { key: keyOf(entry), rule: entry };
  });
}

/** The accepts that are not needless and not taken, each with what it matches. */
function neededAccepts(view: UfwView, rule: Rule): { readonly accept: Accept; readonly match: UfwMatch }[] {
  const foreign = view.rules.filter(({ comment }) => parseMark(view.owner, comment) === undefined);
  const isStopped = (family: Family) => isDropped(foreign, view.policies[rule.direction], { ...rule, family });
  const families = view.families.filter(isStopped);
  const taken = new Set(foreign.map(matchKey));
  return families.flatMap((family) =>
    acceptsOf(rule, { families: [family], local: view.local }).map((accept) => ({
      accept,
      match: matchOf(rule, { family, network: accept.network }),
    }))
  ).filter(({ match }) => !taken.has(matchKey(match)));
}

/**
 * Whether ufw stops packets from anywhere: by the first rule about all of them, or else by its policy. What a portd lets
 * pass does not count, as that lasts no longer than a lease of its own.
 */
function isDropped(
  rules: readonly UfwRule[],
  policy: string,
  packet: NamedPort & { readonly family: Family },
): boolean {
  const lasting = rules.filter(({ action, comment }) => !action.startsWith("limit") && !isAnyMark(comment));
  const first = lasting.find((rule) => isFor(rule, packet));
  return first === undefined ? policy !== "ACCEPT" : isDenial(first);
}

function isDenial({ action }: UfwRule): boolean {
  return action.startsWith("deny") || action.startsWith("reject");
}

/** Whether a rule is about a port of this machine, for everybody and on every interface. */
function isFor(rule: UfwRule, { family, direction, protocol, port }: NamedPort & { readonly family: Family }): boolean {
  return rule.family === family && rule.direction === direction &&
    (rule.protocol === "any" || rule.protocol === protocol) &&
    rule.src === ANY_ADDRESS[family] && rule.dst === ANY_ADDRESS[family] &&
    includesPort(portOf(rule), port) && (direction === "in" ? rule.sport : rule.dport) === "any";
}

/** The port of this machine's side. */
function portOf({ direction, dport, sport }: UfwMatch): string {
  return direction.startsWith("out") ? sport : dport;
}

/** @param ports as ufw has them: `any`, `443`, `6000:6010`, `80,443`. */
function includesPort(ports: string, port: number): boolean {
  return ports === "any" || ports.split(",").some((part) => {
    const [first, last = first] = part.split(":").map(Number);
    return first! <= port && port <= last!;
  });
}

function matchOf(
  { direction, protocol, port }: NamedPort,
  { family, network }: { readonly family: Family; readonly network: string | undefined },
): UfwMatch {
  const remote = network === undefined ? ANY_ADDRESS[family] : addressOf(network);
  const here = ANY_ADDRESS[family];
  return direction === "in"
    ? { family, direction, protocol, dport: `${port}`, dst: here, sport: "any", src: remote }
    : { family, direction, protocol, dport: "any", dst: remote, sport: `${port}`, src: here };
}

/** ufw writes a network of one address as that address. */
function addressOf(network: string): string {
  return network.replace(familyOf(network) === 4 ? /\/32$/ : /\/128$/, "");
}

function matchKey({ family, direction, protocol, dport, dst, sport, src }: UfwMatch): string {
  return [family, direction, protocol, dport, dst, sport, src].join(" ");
}

function keyOf(rule: UfwRule): string {
  return `${matchKey(rule)} ${rule.action} ${rule.comment}`;
}

/** A rule as the arguments that name it to ufw; ufw(8). */
function wordsOf({ action, direction, protocol, dport, dst, sport, src }: UfwRule): string[] {
  const [verdict = "", log] = action.split(/_(.*)/);
  const [way = "", device] = direction.split(/_(.*)/);
  const port = (number: string) => number === "any" ? [] : ["port", number];
  return [
    ...[verdict, way, ...(device === undefined ? [] : ["on", device]), ...(log === undefined ? [] : [log])],
    ...(protocol === "any" ? [] : ["proto", protocol]),
    ...["from", src, ...port(sport), "to", dst, ...port(dport)],
  ];
}
