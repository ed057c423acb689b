/**
 * firewalld's zones as `firewall-cmd --list-all-zones` prints them, and portd's rich rules in them; firewalld.richlanguage(5).
 * Pure.
 *
 * Rich rules have no comments. What could have our name instead (a policy, an ipset, a service) can be made only in the
 * permanent configuration and needs a reload, which removes everybody's runtime rules. So the mark is the prefix of an
 * `nflog` to a group with portd's own number. No program listens to that group, so the kernel logs nothing, and firewalld
 * gives the prefix back unchanged. firewalld's direct rules would not work: an accept there does not end its own chains.
 *
 * A rule goes into each zone that packets can reach: those with an interface or a source, and the default zone.
 * Priority -32768 puts it before the zone's other rules; policies that precede all zones are still evaluated first.
 * Zones block nothing that goes out, so rules of direction out are not needed.
 */
import { isWithin, readPortOrRange } from "../../port/port.ts";
import { canonicalNetwork, familyOf } from "../networks.ts";
import type { DirectedPort, Rule } from "../rule.ts";
import type { ProgramCall } from "./dialect.ts";
import { acceptsOf, type Entries, type EntryOptions } from "./entries.ts";
import { parseMark } from "./mark.ts";

/** A zone. */
export interface Zone {
  readonly name: string;
  readonly isDefault: boolean;
  /** What happens to a packet that no rule of the zone matches: `ACCEPT`, `DROP`, `%%REJECT%%` or `default`. */
  readonly target: string;
  /** Whether an interface or a source address is assigned to it. */
  readonly isActive: boolean;
  /** `8080/tcp`, `1025-65535/udp`. */
  readonly ports: readonly string[];
  /** What else it lets in: services and protocols. */
  readonly others: readonly string[];
  readonly richRules: readonly string[];
}

/** The zones of a firewalld. */
export interface Zones {
  readonly zones: readonly Zone[];
  readonly defaultZone: string;
}

/** Adds or removes one rich rule of a zone. */
export interface ZoneCommand {
  readonly zone: string;
  readonly verb: "add" | "remove";
  readonly richRule: string;
}

const FIRST_PRIORITY = "-32768", NFLOG_GROUP = "7678";

/** Reads the zones; unknown lines are skipped. */
export function parseZones(text: string): Zone[] {
  return text.split(/^(?=\S)/m).filter((part) => /^\S/.test(part)).map((part) => {
    const [header = "", ...lines] = part.split("\n");
    const [name = "", ...flags] = header.split(/[\s(),]+/);
    const value = (key: string) => lines.find((line) => line.startsWith(`  ${key}:`))?.slice(key.length + 3).trim();
    const list = (key: string) => (value(key) ?? "").split(" ").filter((word) => word !== "");
    return {
      name,
      isDefault: flags.includes("default"),
      target: value("target") ?? "default",
      isActive: list("interfaces").length + list("sources").length > 0,
      ports: list("ports"),
      others: [...list("services"), ...list("protocols")],
      richRules: lines.filter((line) => /^\s+rule\b/.test(line)).map((line) => line.trim()),
    };
  });
}

/** The entries of ours in these zones, and those that rules need there. */
export function entriesIn({ zones, defaultZone }: Zones, options: EntryOptions): Entries<ZoneCommand> {
  const actual = zones.flatMap(({ name: zone, richRules }) =>
    richRules.flatMap((richRule) => {
      const elements = parseRichRule(richRule);
      const mark = parseMark(options.owner, elements.get("nflog")?.get("prefix"));
      if (mark === undefined) return [];
      const network = canonicalNetwork(elements.get("source")?.get("address") ?? "");
      return [{ ...mark, network, key: keyOf(zone, richRule), remove: { zone, verb: "remove", richRule } as const }];
    })
  );
  const allowed = zones.flatMap(({ ports, others, richRules }) => [...ports, ...others, ...richRules]);
  const reached = zones.filter(({ name, isActive }) => isActive || name === defaultZone);
  const entriesOf = (zone: string, rule: Rule) =>
    acceptsOf(rule, [4, 6], options).map(({ mark, ...accept }) => {
      const richRule = richRuleOf(rule, accept.network, mark);
      return { ...accept, key: keyOf(zone, richRule), add: { zone, verb: "add", richRule } as const };
    });
  return {
    actual,
    foreign: allowed.length - actual.length,
    remarks: [],
    wanted: (rule) => reached.filter((zone) => blocks(zone, rule)).flatMap(({ name }) => entriesOf(name, rule)),
  };
}

/** One call for each zone and verb. */
export function callsFor(commands: readonly ZoneCommand[]): readonly ProgramCall[] {
  const groups = Map.groupBy(commands, ({ zone, verb }) => `${verb} ${zone}`);
  return [...groups.values()].map((group) => ({
    args: [`--zone=${group[0]!.zone}`, ...group.map(({ verb, richRule }) => `--${verb}-rich-rule=${richRule}`)],
  }));
}

/** Whether a zone stops packets to a port. */
function blocks({ target, ports, others }: Zone, { direction, protocol, port }: DirectedPort): boolean {
  const open = ports.map((text) => text.split("/")).filter(([, name]) => name === protocol);
  return direction === "in" && target !== "ACCEPT" && !others.includes(protocol) &&
    !isWithin(open.flatMap(([range = ""]) => readPortOrRange(range) ?? []), port);
}

function richRuleOf({ protocol, port }: DirectedPort, network: string | undefined, mark: string): string {
  const source = network && ` family="${familyOf(network) === 4 ? "ipv4" : "ipv6"}" source address="${network}"`;
  return `rule priority="${FIRST_PRIORITY}"${source ?? ""} port port="${port}" protocol="${protocol}" ` +
    `nflog group="${NFLOG_GROUP}" prefix="${mark}" accept`;
}

/** The order of elements and attributes differs between versions of firewalld. */
function keyOf(zone: string, richRule: string): string {
  const elements = [...parseRichRule(richRule)].map(([name, attributes]) =>
    [name, ...[...attributes].sort()].join(" ")
  );
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
