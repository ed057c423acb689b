/**
 * firewalld's zones as `firewall-cmd --list-all-zones` prints them, and portd's rich rules in them; firewalld.richlanguage(5).
 * Pure.
 *
 * Rich rules have no comments, and what could bear our name instead (a policy, an ipset, a service) is made only in the
 * permanent configuration and a reload, which takes everybody's runtime rules away. So the mark is the prefix of an
 * `nflog` to a group of portd's own number, to which nobody listens: the kernel then logs nothing, and firewalld gives
 * the prefix back as it was. firewalld's direct rules would not do: an accept there does not end its own chains.
 *
 * A rule stands in each zone in which packets can come in: those with an interface or a source, and the default zone.
 * Priority -32768 puts it in front of the zone's other rules; policies that are in front of all zones still go first.
 * Zones stop nothing that goes out, so rules of direction out are not needed.
 */
import type { ActualRule, Difference, Rule } from "../rule.ts";
import { type Accept, acceptsOf, changesFor, type Entry, reducedRule, rulesOf } from "./accepts.ts";
import { markOf, parseMark } from "./mark.ts";
import { canonicalNetwork, familyOf } from "../networks.ts";

/** A zone. */
export interface Zone {
  readonly name: string;
  /** What becomes of a packet that nothing in the zone is about: `ACCEPT`, `DROP`, `%%REJECT%%` or `default`. */
  readonly target: string;
  /** Whether an interface or a source address is assigned to it. */
  readonly isActive: boolean;
  /** `8080/tcp`, `1025-65535/udp`. */
  readonly ports: readonly string[];
  /** Other things that it lets in: services and protocols. */
  readonly others: readonly string[];
  readonly richRules: readonly string[];
}

/** All that is known of firewalld. */
export interface FirewalldView {
  readonly zones: readonly Zone[];
  readonly defaultZone: string;
  /** As in `BackendOptions`. */
  readonly owner: string;
  /** The networks that `LocalSubnet` stands for, in their one form. */
  readonly local: readonly string[];
}

interface ZoneRule {
  readonly zone: string;
  readonly text: string;
}

type WantedEntry = ZoneRule & { readonly key: string };
type ActualEntry = ZoneRule & Entry;

const FRONT = "-32768", NFLOG_GROUP = "7678";

/** Reads the zones; what it does not know, it leaves out. */
export function parseZones(text: string): Zone[] {
  return text.split(/^(?=\S)/m).filter((part) => /^\S/.test(part)).map((part) => {
    const [header = "", ...lines] = part.split("\n");
    const values = new Map(
      lines.map((line) => /^ {2}([\w-]+(?: rules)?): ?(.*)$/.exec(line))
        .filter((match) => match !== null).map(([, key, value]) => [key!, value!.trim()]),
    );
    const list = (key: string) => (values.get(key) ?? "").split(" ").filter((word) => word !== "");
    return {
      name: header.split(" ")[0]!,
      target: values.get("target") ?? "default",
      isActive: list("interfaces").length + list("sources").length > 0,
      ports: list("ports"),
      others: [...list("services"), ...list("protocols")],
      richRules: lines.filter((line) => /^\s+rule\b/.test(line)).map((line) => line.trim()),
    };
  });
}

/** Our rules, in no order. */
export function readRules(view: FirewalldView): ActualRule[] {
  return rulesOf(ourEntries(view), (rule) => wantedEntries(view, rule).map(({ key }) => key));
}

/** How many things that zones let in or keep out are not ours. */
export function countForeign(view: FirewalldView): number {
  const all = view.zones.reduce(
    (sum, { ports, others, richRules }) => sum + ports.length + others.length + richRules.length,
    0,
  );
  return all - ourEntries(view).length;
}

/** What of a rule is needed, as `FirewallReading.needed` says. */
export function neededRule(view: FirewalldView, rule: Rule): Rule | undefined {
  return zonesFor(view, rule).length === 0 ? undefined : reducedRule(rule, accepts(view, rule));
}

/** The arguments of the calls of firewall-cmd that carry a difference out, in their order: one a zone and kind. */
export function callsFor(view: FirewalldView, difference: Difference): string[][] {
  const { make, takeAway } = changesFor(difference, ourEntries(view), (rule) => wantedEntries(view, rule));
  return [...callsOf("remove", takeAway), ...callsOf("add", make)];
}

function callsOf(verb: "add" | "remove", rules: readonly ZoneRule[]): string[][] {
  const byZone = Map.groupBy(rules, ({ zone }) => zone);
  return [...byZone].map(([zone, rules]) => [
    `--zone=${zone}`,
    ...rules.map(({ text }) => `--${verb}-rich-rule=${text}`),
  ]);
}

/** The zones that packets for a rule can come to, and would not come through. */
function zonesFor({ zones, defaultZone }: FirewalldView, { direction, protocol, port }: Rule): Zone[] {
  if (direction === "out") return [];
  const isReached = ({ name, isActive }: Zone) => isActive || name === defaultZone;
  return zones.filter(isReached).filter(({ target, ports, others }) =>
    target !== "ACCEPT" && !others.includes(protocol) && !ports.some((text) => includesPort(text, { protocol, port }))
  );
}

function includesPort(text: string, { protocol, port }: Pick<Rule, "protocol" | "port">): boolean {
  const [range = "", name] = text.split("/");
  const [first, last = first] = range.split("-").map(Number);
  return name === protocol && first! <= port && port <= last!;
}

function accepts({ local }: FirewalldView, rule: Rule): Accept[] {
  return acceptsOf(rule, { families: [4, 6], local });
}

function wantedEntries(view: FirewalldView, rule: Rule): WantedEntry[] {
  return zonesFor(view, rule).flatMap(({ name: zone }) =>
    accepts(view, rule).map((accept) => {
      const text = richRule(rule, { accept, mark: markOf(view.owner, rule, accept.scope) });
      return { zone, text, key: keyOf({ zone, text }) };
    })
  );
}

/** The entries with our mark. */
function ourEntries({ zones, owner }: FirewalldView): ActualEntry[] {
  return zones.flatMap(({ name: zone, richRules }) =>
    richRules.flatMap((text) => {
      const elements = parseRichRule(text);
      const mark = parseMark(owner, elements.get("nflog")?.get("prefix"));
      if (mark === undefined) return [];
      const network = canonicalNetwork(elements.get("source")?.get("address") ?? "");
      return [{ zone, text, mark, network, key: keyOf({ zone, text }) }];
    })
  );
}

function richRule(
  { protocol, port }: Pick<Rule, "protocol" | "port">,
  { accept: { network }, mark }: { readonly accept: Accept; readonly mark: string },
): string {
  const source = network === undefined
    ? ""
    : ` family="${familyOf(network) === 4 ? "ipv4" : "ipv6"}" source address="${network}"`;
  return `rule priority="${FRONT}"${source} port port="${port}" protocol="${protocol}" ` +
    `nflog group="${NFLOG_GROUP}" prefix="${mark}" accept`;
}

/** The order of elements and attributes differs between versions of firewalld. */
function keyOf({ zone, text }: ZoneRule): string {
  const elements = [...parseRichRule(text)].map(([name, attributes]) => `${name} ${[...attributes].sort().join(" ")}`);
  return `${zone}: ${elements.sort().join("; ")}`;
}

/** The elements of a rich rule by name, each with its attributes. */
function parseRichRule(text: string): Map<string, Map<string, string>> {
  const elements = new Map<string, Map<string, string>>();
  let attributes = new Map<string, string>();
  for (const [, word, value] of text.matchAll(/([\w-]+)(?:="([^"]*)")?|"[^"]*"/g)) {
    if (word === undefined) continue;
    if (value !== undefined) attributes.set(word, value);
    else elements.set(word, attributes = new Map());
  }
  return elements;
}
