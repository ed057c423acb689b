/** Changes Windows' firewall, one rule after the other. */
import type { Difference, Rule } from "../rule.ts";
import { ComError } from "./com.ts";
import { cannotChange, isAboutEveryRule, isNotThere, reasonOf } from "./failure.ts";
import { comparableName, type OwnRule, propertiesOf, type SortedRules } from "./rule_form.ts";
import type { RuleWriter } from "./rules.ts";

/** Options of {@linkcode applyChanges}. */
export interface ChangeOptions {
  /** The rules that are there. */
  readonly rules: SortedRules;
  readonly writer: RuleWriter;
  readonly owner: string;
}

/** A change that fails because of the rule itself: other changes may still work. */
class RuleFailure extends Error {
  /** What could not be done: `add the rule portd-in-tcp-20417`. */
  readonly what: string;

  constructor(what: string, reason: string) {
    super(reason);
    this.what = what;
  }
}

/**
 * Makes every change that can be made. Where Windows refuses one rule, the others are still changed; where it would
 * refuse any rule, it stops.
 *
 * @throws {PortdError} `firewall_unavailable`, with the first reason.
 */
export async function applyChanges({ add, change, remove }: Difference, options: ChangeOptions): Promise<void> {
  const changes = new Changes(options);
  const steps = [
    ...remove.map((name) => () => changes.remove(name)),
    ...change.map((rule) => () => changes.change(rule)),
    ...add.map((rule) => () => changes.add(rule)),
  ];
  const failures: RuleFailure[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof RuleFailure)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (first !== undefined) throw cannotChange(first.what, first.message, failures.length - 1);
}

class Changes {
  readonly #writer: RuleWriter;
  readonly #owner: string;
  readonly #own: Map<string, OwnRule[]>;
  /** Names of rules that are not ours. */
  readonly #taken: Set<string>;

  constructor({ rules: { own, foreign }, writer, owner }: ChangeOptions) {
    this.#writer = writer;
    this.#owner = owner;
    this.#own = Map.groupBy(own, ({ name }) => name);
    this.#taken = new Set(foreign.flatMap(({ text }) => text?.name === undefined ? [] : [comparableName(text.name)]));
  }

  async add(rule: Rule): Promise<void> {
    const properties = propertiesOf(rule, { owner: this.#owner, taken: (name) => this.#isTaken(name) });
    try {
      await this.#writer.add(properties);
    } catch (error) {
      throw failureOf(`add the rule ${rule.name}`, error);
    }
  }

  async change(rule: Rule): Promise<void> {
    await this.remove(rule.name);
    await this.add(rule);
  }

  /** Removes a rule by every name that it has; where it is there twice with one name, both. */
  async remove(name: string): Promise<void> {
    const byComName = Map.groupBy(this.#own.get(name) ?? [], ({ comName }) => comparableName(comName));
    for (const same of byComName.values()) await this.#removeAll(name, same);
  }

  /** Whether COM removes one rule of a name at a time or all of them is not documented. */
  async #removeAll(name: string, rules: readonly OwnRule[]): Promise<void> {
    const what = `remove the rule ${name}`;
    for (const [i, { comName }] of rules.entries()) {
      if (this.#isTaken(comName)) {
        throw new RuleFailure(what, `a rule that is not portd's is named "${comName}" too; rename it or remove both`);
      }
      try {
        await this.#writer.remove(comName);
      } catch (error) {
        if (i > 0 && error instanceof ComError && isNotThere(error)) return;
        throw failureOf(what, error);
      }
    }
  }

  #isTaken(name: string): boolean {
    return this.#taken.has(comparableName(name));
  }
}

function failureOf(what: string, error: unknown): unknown {
  if (!(error instanceof ComError)) return error;
  return isAboutEveryRule(error) ? cannotChange(what, reasonOf(error)) : new RuleFailure(what, reasonOf(error));
}
