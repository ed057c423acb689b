/** Changes Windows' firewall, one rule after the other. */
import { firewallUnavailable } from "../backend.ts";
import type { Difference, Rule } from "../rule.ts";
import { ComError } from "./com.ts";
import { isAboutEveryRule, isNotThere, reasonOf } from "./failure.ts";
import { comparableName, propertiesOf, type SortedRules } from "./rule_form.ts";
import type { RuleWriter } from "./rules.ts";

/** Options of {@linkcode applyChanges}. */
export interface ChangeOptions {
  /** The rules that are there. */
  readonly rules: SortedRules;
  readonly writer: RuleWriter;
  readonly owner: string;
}

/** Why a change failed because of the rule itself: other changes may still work. */
interface RuleFailure {
  /** What could not be done: `add the rule portd-in-tcp-20417`. */
  readonly what: string;
  readonly reason: string;
}

/**
 * Makes every change that can be made. Where Windows refuses one rule, the others are still changed; where it would
 * refuse any rule, it stops.
 *
 * @throws {PortdError} `firewall_unavailable`, with the first reason.
 */
export async function applyChanges(
  { add, change, remove }: Difference,
  { rules: { own, foreign }, writer, owner }: ChangeOptions,
): Promise<void> {
  const foreignNames = new Set(foreign.map(({ text }) => comparableName(text?.name ?? "")));
  const isTaken = (name: string) => foreignNames.has(comparableName(name));
  const addRule = (rule: Rule) =>
    attempt(`add the rule ${rule.name}`, () => writer.add(propertiesOf(rule, { owner, isTaken })));
  /** Removes a rule by every name that it has. Whether COM removes one rule of a name or all is not documented. */
  const removeRule = (name: string) =>
    attempt(`remove the rule ${name}`, async () => {
      const removed = new Set<string>();
      for (const { comName } of own.filter((rule) => rule.name === name)) {
        if (isTaken(comName)) return `a rule that is not portd's is named "${comName}" too; rename it or remove both`;
        try {
          await writer.remove(comName);
        } catch (error) {
          if (!removed.has(comparableName(comName)) || !isNotThere(error)) throw error;
        }
        removed.add(comparableName(comName));
      }
    });
  const outcomes: (RuleFailure | undefined)[] = [];
  for (const name of remove) outcomes.push(await removeRule(name));
  for (const rule of change) outcomes.push(await removeRule(rule.name) ?? await addRule(rule));
  for (const rule of add) outcomes.push(await addRule(rule));
  const [first, ...others] = outcomes.filter((outcome) => outcome !== undefined);
  if (first === undefined) return;
  throw firewallUnavailable(first.what, first.reason + (others.length === 0 ? "" : ` (and ${others.length} more)`));
}

/** @param work makes a change. It may answer why it cannot. @throws what concerns every rule. */
async function attempt(what: string, work: () => Promise<string | void>): Promise<RuleFailure | undefined> {
  try {
    const reason = await work();
    return reason === undefined ? undefined : { what, reason };
  } catch (error) {
    if (!(error instanceof ComError)) throw error;
    if (isAboutEveryRule(error)) throw firewallUnavailable(what, reasonOf(error));
    return { what, reason: reasonOf(error) };
  }
}
