/**
 * ufw's rules as it keeps them, in /etc/ufw/user.rules and user6.rules: a line `### tuple ###` a rule, in the order in
 * which they apply. Pure.
 *
 *     ### tuple ### <action> <protocol> <dport> <dst> <sport> <src> [<dapp> <sapp>] <direction> [comment=<hex of UTF-8>]
 *
 * ufw identifies a rule by what it matches: it never has two that match the same, a new one replaces the old one. So
 * where a foreign rule matches exactly what an entry of ours would, portd makes none: that rule lets the packets pass
 * already, or somebody does not want them to.
 */
import { Buffer } from "node:buffer";
import { isWithin, readPortOrRange } from "../../port/port.ts";
import { canonicalNetwork, type Family, shortNetwork } from "../networks.ts";
import type { DirectedPort, Direction, Rule } from "../rule.ts";
import { acceptsOf, type Entries, type EntryOptions } from "./entries.ts";
import { isAnyMark, parseMark } from "./mark.ts";

/** What a rule matches, with ports and addresses in ufw's words: `any` or `443`, `0.0.0.0/0` or `::/0`. */
export interface UfwMatch {
  /** Which of the two files it is in. */
  readonly family: Family;
  /** `in`, `out`, `in_eth0`; starts with `route` for packets that this machine forwards. */
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

/** What ufw's files say. */
export interface UfwState {
  readonly rules: readonly UfwRule[];
  /** What happens to a packet that no rule matches: `DROP`, `REJECT` or `ACCEPT`. */
  readonly policies: Readonly<Record<Direction, string>>;
  /** The IP versions that it governs. */
  readonly families: readonly Family[];
}

/** The arguments of ufw that add or remove one rule. */
export type UfwCommand = readonly string[];

/** A packet from anywhere to a port of this machine, or its answer. */
type Packet = DirectedPort & { readonly family: Family };

const ANY_ADDRESS: Readonly<Record<Family, string>> = { 4: "0.0.0.0/0", 6: "::/0" };

/** The line of a rule. */
const TUPLE =
  /^### tuple ### (route:)?(\S+) (\S+) (\S+) (\S+) (\S+) (\S+)(?: \S+ \S+)? ([^\s=]+)(?: comment=([\da-f]*))?$/gm;

/** Reads the rules of one file; other lines are skipped. */
export function parseUfwRules(text: string, family: Family): UfwRule[] {
  return [...text.matchAll(TUPLE)].map(([, route = "", ...fields]) => {
    const [action = "", protocol = "", dport = "", dst = "", sport = "", src = "", way = "", hex] = fields;
    const direction = route === "" ? way : `route ${way}`;
    const comment = hex === undefined ? undefined : Buffer.from(hex, "hex").toString();
    return { family, direction, action, protocol, dport, dst, sport, src, comment };
  });
}

/** The entries of ours among ufw's rules, and those that rules of ours need there. */
export function entriesIn({ rules, policies, families }: UfwState, options: EntryOptions): Entries<UfwCommand> {
  const marks = rules.map(({ comment }) => parseMark(options.owner, comment));
  const foreign = rules.filter((_, i) => marks[i] === undefined);
  const taken = new Set(foreign.map(matchKey));
  const actual = rules.flatMap((rule, i) => {
    const mark = marks[i];
    if (mark === undefined) return [];
    const packet = { ...mark, family: rule.family };
    const isBehind = rules.slice(0, i).some((earlier) => isDenial(earlier) && matches(earlier, packet));
    const network = canonicalNetwork(rule.direction === "out" ? rule.dst : rule.src);
    const key = keyOf(rule) + (isBehind ? " behind a denial" : "");
    return [{ ...mark, network, key, remove: ["delete", ...wordsOf(rule)] }];
  });
  const entriesOf = (rule: Rule, family: Family) =>
    acceptsOf(rule, [family], options).flatMap(({ mark, ...accept }) => {
      const entry = { ...matchOf({ ...rule, family }, accept.network), action: "allow", comment: mark };
      const add = ["prepend", ...wordsOf(entry), "comment", mark];
      return taken.has(matchKey(entry)) ? [] : [{ ...accept, key: keyOf(entry), add }];
    });
  return {
    actual,
    foreign: foreign.length,
    remarks: [...policyRemarks(policies), ...denialRemarks(rules)],
    wanted: (rule) =>
      families.filter((family) => isStopped(foreign, policies[rule.direction], { ...rule, family }))
        .flatMap((family) => entriesOf(rule, family)),
  };
}

function policyRemarks(policies: UfwState["policies"]): string[] {
  if (policies.in !== "ACCEPT") return [];
  return ["ufw lets in what no rule matches: a rule is made only for a port that a rule denies to everybody"];
}

/** One sentence for each foreign rule that denies a port. */
function denialRemarks(rules: readonly UfwRule[]): string[] {
  const denials = rules.filter((rule) =>
    isDenial(rule) && portOf(rule) !== "any" && !rule.direction.startsWith("route")
  );
  return denials.map((rule) => `ufw has a rule of its own that goes before portd's: ${wordsOf(rule).join(" ")}`);
}

/**
 * Whether ufw stops such packets: by the first rule that matches all of them, or else by its policy. What another portd
 * lets pass does not count, because it lasts no longer than a lease of that portd.
 */
function isStopped(foreign: readonly UfwRule[], policy: string, packet: Packet): boolean {
  const lasting = foreign.filter(({ action, comment }) => !action.startsWith("limit") && !isAnyMark(comment));
  const first = lasting.find((rule) => matches(rule, packet));
  return first === undefined ? policy !== "ACCEPT" : isDenial(first);
}

function isDenial({ action }: UfwRule): boolean {
  return action.startsWith("deny") || action.startsWith("reject");
}

/** Whether a rule matches the port of this machine, for everybody and on every interface. */
function matches(rule: UfwRule, { family, direction, protocol, port }: Packet): boolean {
  return rule.family === family && rule.direction === direction &&
    (rule.protocol === "any" || rule.protocol === protocol) &&
    rule.src === ANY_ADDRESS[family] && rule.dst === ANY_ADDRESS[family] &&
    includesPort(portOf(rule), port) && (direction === "in" ? rule.sport : rule.dport) === "any";
}

/** The port on this machine. */
function portOf({ direction, dport, sport }: UfwMatch): string {
  return direction.startsWith("out") ? sport : dport;
}

/** @param ports as ufw has them: `any`, `443`, `6000:6010`, `80,443`. */
function includesPort(ports: string, port: number): boolean {
  const ranges = ports.split(",").flatMap((part) => readPortOrRange(part.replace(":", "-")) ?? []);
  return ports === "any" || isWithin(ranges, port);
}

function matchOf({ family, direction, protocol, port }: Packet, network: string | undefined): UfwMatch {
  const here = ANY_ADDRESS[family], remote = network === undefined ? here : shortNetwork(network);
  return direction === "in"
    ? { family, direction, protocol, dport: `${port}`, dst: here, sport: "any", src: remote }
    : { family, direction, protocol, dport: "any", dst: remote, sport: `${port}`, src: here };
}

function matchKey({ family, direction, protocol, dport, dst, sport, src }: UfwMatch): string {
  return [family, direction, protocol, dport, dst, sport, src].join(" ");
}

function keyOf(rule: UfwRule): string {
  return `${matchKey(rule)} ${rule.action} ${rule.comment}`;
}

/** The arguments that identify a rule; ufw(8). */
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
