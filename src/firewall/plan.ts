/** What a sync has to do, and how each wanted rule stands. Pure. */
import { PortdError } from "../errors.ts";
import type { FirewallReading } from "./backend.ts";
import { type ActualRule, diff, type Difference, type Rule } from "./rule.ts";

/** The changes that a reading calls for, and what it says besides. */
export interface FirewallPlan extends Difference {
  /** Needed rules that were changed or deleted by hand since they were set. */
  readonly drifted: readonly Rule[];
  /** What keeps rules from working or makes them unnecessary. */
  readonly remarks: readonly string[];
  /** The number of rules without our mark. */
  readonly foreign: number;
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
  const { rules: actual, remarks, foreign } = reading;
  const needed = wanted.flatMap((rule) => reading.needed(rule) ?? []);
  const { add, change, remove } = diff(needed, actual);
  const drifted = [...add, ...change].filter((rule) => isSame(before.get(rule.name), rule));
  const isDue = (rule: Rule) => drift === "restore" || !drifted.includes(rule);
  const due = { add: add.filter(isDue), change: change.filter(isDue), remove };
  return { ...due, drifted, remarks, foreign, actual, wanted, needed };
}

/** The wanted rules of a plan, by name. @param missing are the needed rules that the firewall does not have. */
export function statesOf(
  { wanted, needed }: FirewallPlan,
  missing: readonly Rule[],
): ReadonlyMap<string, RuleWithState> {
  const [neededNames, missingNames] = [needed, missing].map((rules) => new Set(rules.map(({ name }) => name)));
  const stateOf = ({ name }: Rule) => {
    if (!neededNames!.has(name)) return "not_needed";
    return missingNames!.has(name) ? "missing" : "set";
  };
  return new Map(wanted.map((rule) => [rule.name, { ...rule, state: stateOf(rule) }]));
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
  const message = `Cannot keep the rule ${lost?.name ?? kept}: it was changed without an error and is ${state}`;
  throw new PortdError("firewall_unavailable", message);
}

/** Whether two values are written the same. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
