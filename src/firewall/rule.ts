/** Firewall rules as portd wants them, and how they differ from the actual ones. Pure. */
import { type Endpoint, isPort } from "../port/port.ts";
import { canonicalNetwork } from "./networks.ts";

/** Which packets a rule lets pass: those to this machine, or those from it. */
export type Direction = "in" | "out";

/** Windows' network profiles; the firewalls of Linux have none. */
export const PROFILES = ["domain", "private", "public"] as const;

/** One of {@linkcode PROFILES}. */
export type Profile = typeof PROFILES[number];

/** Who is let in by a rule: `LocalSubnet` (the networks that this machine is on), `any`, or a network in CIDR notation. */
export type RemoteAddress = string;

/** A port of this machine, and the direction of the packets to or from it. */
export interface DirectedPort extends Endpoint {
  readonly direction: Direction;
}

/** What an exposure asks of the host's firewall: that one port can be reached. */
export interface Rule extends DirectedPort {
  /** `portd-in-tcp-20417`: together with the owner it identifies a rule of ours. */
  readonly name: string;
  /** In the order domain, private, public. */
  readonly profiles: readonly Profile[];
  /** Sorted, networks in canonical form; `any` is never combined with others. */
  readonly remote: readonly RemoteAddress[];
  /** For people: the name of the rule and that of the lease. At most 250 characters, without `|` and control characters. */
  readonly displayName: string;
}

/** A rule with our mark, as it is in the firewall. */
export interface ActualRule {
  readonly name: string;
  /** Its content; `undefined` where portd makes no such rule: it was changed by hand. */
  readonly rule: Rule | undefined;
}

/** The changes that make the actual rules equal to the wanted ones. */
export interface Difference {
  readonly add: readonly Rule[];
  /** Wanted, but there with other content, or more than once. */
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

/** Makes a rule in canonical form, so that rules can be compared. @param leaseName becomes part of the display name. */
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

/** Compares wanted rules with actual ones. A rule that is there twice needs a change. */
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
  // deno-lint-ignore no-control-regex -- what no firewall takes in a name
  const characters = [...`${name} ${leaseName}`.replaceAll(/[\x00-\x1f\x7f-\x9f|]/g, "_")];
  if (characters.length > LONGEST_DISPLAY_NAME) characters.splice(LONGEST_DISPLAY_NAME - 1, Infinity, "…");
  return characters.join("");
}

/** What can happen to rules. */
export type RuleEvent =
  | { readonly type: "rule.added" | "rule.drifted"; readonly rule: Rule }
  | { readonly type: "rule.removed"; readonly name: string }
  | { readonly type: "rule.failed"; readonly reason: string };
