/** What a sync has to do, and how each wanted rule stands. Pure. */
import { type FirewallReading, firewallUnavailable } from "./backend.ts";
import { type ActualRule, diff, type Difference, type Rule } from "./rule.ts";

/** The changes that a reading calls for, and what it says besides. */
export interface FirewallPlan extends Difference, Pick<FirewallReading, "remarks" | "foreign"> {
  /** Whether portd may not change the firewall. */
  readonly lacksRights: boolean;
  /** Needed rules that were changed or deleted by hand since they were set. */
  readonly drifted: readonly Rule[];
  /** The rules with our mark, before the changes. */
  readonly actual: readonly ActualRule[];
  /** The rules that were wanted. */
  readonly wanted: readonly Rule[];
  /** The parts of them that this firewall needs, in the form in which it has them. */
  readonly needed: readonly Rule[];
}

/**
 * How a wanted rule stands: it is there; the firewall lets pass without it what it is for; it is not there (yet); it
 * could not be set; or the firewall cannot be read.
 */
export type RuleState = "set" | "not_needed" | "missing" | "failed" | "unknown";

/** A wanted rule and how it stands. */
export interface RuleWithState extends Rule {
  readonly state: RuleState;
}

/** How the last sync ended. */
export interface LastSync {
  /** ISO instant. */
  readonly at: string;
  /** Why it failed; null when it did not. */
  readonly error: string | null;
}

/** Options of {@linkcode makePlan}. */
export interface PlanOptions {
  readonly wanted: readonly Rule[];
  /** The rules that were there after the last sync, by name. */
  readonly before: ReadonlyMap<string, Rule>;
  /** Whether rules that were changed or deleted by hand are restored. */
  readonly drift: "restore" | "report";
}

/** What is to be done after a reading. */
export function makePlan(reading: FirewallReading, { wanted, before, drift }: PlanOptions): FirewallPlan {
  const { rules: actual, remarks, foreign, lacksRights = false } = reading;
  const needed = wanted.flatMap((rule) => reading.needed(rule) ?? []);
  const { add, change, remove } = diff(needed, actual);
  const drifted = [...add, ...change].filter((rule) => contentOf(before.get(rule.name)) === contentOf(rule));
  const isDue = (rule: Rule) => drift === "restore" || !drifted.includes(rule);
  const due = { add: add.filter(isDue), change: change.filter(isDue), remove };
  return { ...due, drifted, remarks, foreign, lacksRights, actual, wanted, needed };
}

/** The states of wanted rules, by their whole content. */
export type RuleStates = ReadonlyMap<string, RuleState>;

/** How the rules of a plan stand. @param missing are the needed rules that are not there. @default as it was read */
export function statesOf(
  { wanted, needed, add, change, drifted }: FirewallPlan,
  missing: readonly Rule[] = [...add, ...change, ...drifted],
): RuleStates {
  const states = new Map(wanted.map(({ name }): [string, RuleState] => [name, "not_needed"]));
  for (const { name } of needed) states.set(name, "set");
  for (const { name } of missing) states.set(name, "missing");
  return new Map(wanted.map((rule) => [contentOf(rule), states.get(rule.name)!]));
}

/**
 * A firewall may accept a change and not keep it, for example because another program writes the same rules.
 *
 * @param left are the changes that the firewall still needs after those of the plan.
 * @throws {PortdError} `firewall_unavailable` when one of the plan's is among them.
 */
export function requireKept({ add, change, remove }: Difference, left: Difference): void {
  const missing = new Set([...left.add, ...left.change].map(({ name }) => name));
  const lost = [...add, ...change].find(({ name }) => missing.has(name));
  const kept = remove.find((name) => left.remove.includes(name));
  if (lost === undefined && kept === undefined) return;
  const state = lost === undefined ? "still there: something puts it back" : "not there: something takes it away";
  throw firewallUnavailable(`keep the rule ${lost?.name ?? kept}`, `it was changed without an error and is ${state}`);
}

/** Rules, or one, as text: the same for those that are the same. */
export function contentOf(rules: Rule | readonly Rule[] | undefined): string {
  return JSON.stringify(rules);
}
