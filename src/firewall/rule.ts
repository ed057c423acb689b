/** Firewall rules as portd wants them, and the difference to those that are there. Pure. */
import type { Protocol } from "../port/port.ts";
import { canonicalNetwork } from "./networks.ts";

/** Where a rule lets packets pass: to this machine, or from it. */
export type Direction = "in" | "out";

/** Windows' network profiles; the firewalls of Linux know none. */
export type Profile = "domain" | "private" | "public";

/** Whom a rule lets in: `LocalSubnet` (the networks that this machine is on), `any`, or a network in CIDR notation. */
export type RemoteAddress = string;

/** What one exposure asks of the host's firewall: to let one port be reached. */
export interface Rule {
  /** `portd-in-tcp-20417`: with the owner it makes a rule ours, and says which. */
  readonly name: string;
  readonly direction: Direction;
  readonly protocol: Protocol;
  readonly port: number;
  /** In the order domain, private, public. */
  readonly profiles: readonly Profile[];
  /** Sorted, networks in their one form; `any` stands alone. */
  readonly remote: readonly RemoteAddress[];
  /** For people: the name and whose port it is. At most 250 characters, without `|` and control characters. */
  readonly displayName: string;
}

/** A rule with our mark, as the firewall has it. */
export interface ActualRule {
  readonly name: string;
  /** What it says; `undefined` where it says something that no rule of ours does: it was changed by hand. */
  readonly rule: Rule | undefined;
}

/** What is to be done so that the actual rules are those that are wanted. */
export interface Difference {
  readonly add: readonly Rule[];
  /** Wanted, and there in another form. */
  readonly change: readonly Rule[];
  /** Names of rules with our mark that nobody wants. */
  readonly remove: readonly string[];
}

const PROFILES: readonly Profile[] = ["domain", "private", "public"];
const LONGEST_DISPLAY_NAME = 250;

/** The name of a rule. */
export function ruleName(direction: Direction, protocol: Protocol, port: number): string {
  return `portd-${direction}-${protocol}-${port}`;
}

/** A rule in its one form, so that rules can be compared. @param leaseName is for the display name. */
export function makeRule(
  { direction, protocol, port, profiles, remote }: Omit<Rule, "name" | "displayName">,
  leaseName: string,
): Rule {
  const name = ruleName(direction, protocol, port);
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

/** The difference. A rule that is there twice is removed by its name and added anew. */
export function diff(desired: readonly Rule[], actual: readonly ActualRule[]): Difference {
  const byName = Map.groupBy(actual, ({ name }) => name);
  const wanted = new Set(desired.map(({ name }) => name));
  const add = desired.filter(({ name }) => !byName.has(name));
  const change = desired.filter((rule) => {
    const there = byName.get(rule.name);
    return there !== undefined && (there.length > 1 || !isSame(rule, there[0]!.rule));
  });
  return { add, change, remove: [...byName.keys()].filter((name) => !wanted.has(name)) };
}

/** How many changes a difference is. */
export function sizeOf({ add, change, remove }: Difference): number {
  return add.length + change.length + remove.length;
}

/** Display names are for people: another one is no difference. */
function isSame(wanted: Rule, there: Rule | undefined): boolean {
  return there !== undefined && wanted.direction === there.direction && wanted.protocol === there.protocol &&
    wanted.port === there.port && wanted.profiles.join() === there.profiles.join() &&
    wanted.remote.join() === there.remote.join();
}

function displayNameOf(name: string, leaseName: string): string {
  // deno-lint-ignore no-control-regex -- what no firewall takes in a name
  const plain = `${name} ${leaseName}`.replaceAll(/[\x00-\x1f\x7f-\x9f|]/g, "_");
  const characters = [...plain];
  return characters.length <= LONGEST_DISPLAY_NAME
    ? plain
    : `${characters.slice(0, LONGEST_DISPLAY_NAME - 1).join("")}…`;
}

/** What happens to rules. */
export type RuleEvent =
  | { readonly type: "rule.added" | "rule.drifted"; readonly rule: Rule }
  | { readonly type: "rule.removed"; readonly name: string }
  | { readonly type: "rule.failed"; readonly reason: string };
