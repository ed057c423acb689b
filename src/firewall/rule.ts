/** The firewall rules that portd needs, and how they differ from the actual ones. Without side effects. */
import { type Endpoint, isPort } from "../port/port.ts";
import { canonicalNetwork } from "./networks.ts";

/** Which packets a rule allows: incoming or outgoing. */
export type Direction = "in" | "out";

/** Windows' network profiles. The firewalls of Linux have none: there a rule is for all networks. */
export const PROFILES = ["domain", "private", "public"] as const;

/** One of {@linkcode PROFILES}. */
export type Profile = typeof PROFILES[number];

/** The other side of the packets that a rule allows: `LocalSubnet` (the networks that this machine is on), `any`, or a network in CIDR notation. */
export type RemoteAddress = string;

/** A port of this machine, and the direction of the packets to or from it. */
export interface DirectedPort extends Endpoint {
  readonly direction: Direction;
}

/** One rule that the host's firewall needs, so that a leased port can be reached from other machines. */
export interface Rule extends DirectedPort {
  /** As in `portd-in-tcp-20417`. */
  readonly name: string;
  /** In the order domain, private, public. */
  readonly profiles: readonly Profile[];
  /** Sorted, networks in canonical form; a list with `any` has nothing else. */
  readonly remote: readonly RemoteAddress[];
  /** For people to read: the names of rule and lease. At most 250 characters, without `|` and control characters. */
  readonly displayName: string;
}

/** A rule in the firewall that this portd has made; the backends find it by a mark that they put on it. */
export interface ActualRule {
  readonly name: string;
  /** Its content; `undefined` when it was changed to something that portd never writes. */
  readonly rule: Rule | undefined;
}

/** The changes that make the actual rules equal to the wanted ones. */
export interface Difference {
  readonly add: readonly Rule[];
  /** Wanted rules that are in the firewall with other content, or more than once. */
  readonly change: readonly Rule[];
  /** Names of rules with our mark that are not wanted. */
  readonly remove: readonly string[];
}

const LONGEST_DISPLAY_NAME = 250;

/** Reads the name of a rule; `undefined` when it is none. */
export function parseRuleName(name: string): DirectedPort | undefined {
  const [, direction, protocol, port] = /^portd-(in|out)-(tcp|udp)-([1-9]\d*)$/.exec(name) ?? [];
  return isPort(Number(port)) ? { direction, protocol, port: Number(port) } as DirectedPort : undefined;
}

/**
 * Makes a rule in canonical form, so that rules can be compared.
 *
 * @param leaseName becomes part of the display name.
 */
export function makeRule(
  { direction, protocol, port, profiles, remote }: Omit<Rule, "name" | "displayName">,
  leaseName: string,
): Rule {
  const name = `portd-${direction}-${protocol}-${port}`;
  return {
    name,
    direction,
    protocol,
    port,
    profiles: PROFILES.filter((profile) => profiles.includes(profile)),
    remote: remote.includes("any") ? ["any"] : [...new Set(remote.map((one) => canonicalNetwork(one) ?? one))].sort(),
    displayName: displayNameOf(name, leaseName),
  };
}

/** Compares wanted rules with actual ones. A rule that is in the firewall more than once needs a change. */
export function diff(wanted: readonly Rule[], actual: readonly ActualRule[]): Difference {
  const byName = Map.groupBy(actual, ({ name }) => name);
  const wantedNames = new Set(wanted.map(({ name }) => name));
  const add = wanted.filter(({ name }) => !byName.has(name));
  const change = wanted.filter((rule) => {
    const [found, ...more] = byName.get(rule.name) ?? [];
    return found !== undefined && (more.length > 0 || contentOf(rule) !== contentOf(found.rule));
  });
  return { add, change, remove: [...byName.keys()].filter((name) => !wantedNames.has(name)) };
}

/** The number of changes. */
export function sizeOf({ add, change, remove }: Difference): number {
  return add.length + change.length + remove.length;
}

/** What the name of a rule does not say. Display names are for people, so they are not compared. */
function contentOf(rule: Rule | undefined): string | undefined {
  return rule && `${rule.profiles} ${rule.remote}`;
}

function displayNameOf(name: string, leaseName: string): string {
  // deno-lint-ignore no-control-regex -- characters that no firewall accepts in a name
  const characters = [...`${name} ${leaseName}`.replaceAll(/[\x00-\x1f\x7f-\x9f|]/g, "_")];
  if (characters.length > LONGEST_DISPLAY_NAME) characters.splice(LONGEST_DISPLAY_NAME - 1, Infinity, "…");
  return characters.join("");
}

/** What the firewall sync reports. A drifted rule was changed or removed by somebody else; a failed sync gives its reason. */
export type RuleEvent =
  | { readonly type: "rule.added" | "rule.drifted"; readonly rule: Rule }
  | { readonly type: "rule.removed"; readonly name: string }
  | { readonly type: "rule.failed"; readonly reason: string };
