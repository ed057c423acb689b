/** A firewall that keeps its rules in memory, and passes the same tests as the real ones. */
import type { FirewallBackend, FirewallReading } from "../../src/firewall/backend.ts";
import type { ActualRule, Difference, Rule } from "../../src/firewall/rule.ts";

/** A rule as the fake has it: an {@linkcode ActualRule} with its owner. */
export interface FakeRule extends ActualRule {
  readonly owner: string;
}

/** What a test may do to the firewall directly. */
export class FakeFirewall {
  /** The rules of every portd. */
  rules: FakeRule[] = [];
  /** The foreign rules. */
  foreign: string[] = [];
  /** As in {@linkcode FirewallReading}. */
  remarks: string[] = [];
  /** Names of rules that are not needed here. */
  readonly unneeded = new Set<string>();
  /** Names of rules that no change affects: another program undoes it at once. */
  readonly restless = new Set<string>();
  /** Thrown by each read and each change while it is set. */
  failure: Error | undefined;
  /** How often it was read. */
  reads = 0;
  /** The changes that were made. */
  readonly applied: Difference[] = [];
  /** Awaited by each read and each change before it does anything. */
  gate: Promise<void> = Promise.resolve();

  /** A backend of one portd. @param owner as in `BackendOptions`. */
  backend(owner: string): FirewallBackend {
    return { name: "nftables", read: () => this.#read(owner) };
  }

  /** Has rules of a portd in it. */
  set(owner: string, ...rules: readonly Rule[]): void {
    this.rules.push(...rules.map((rule) => ({ name: rule.name, owner, rule })));
  }

  async #read(owner: string): Promise<FirewallReading> {
    await this.#enter();
    this.reads++;
    const ours = this.rules.filter((rule) => rule.owner === owner);
    return {
      rules: ours.map(({ name, rule }) => ({ name, rule })),
      foreign: this.foreign.length + this.rules.length - ours.length,
      remarks: [...this.remarks],
      needed: (rule) => this.unneeded.has(rule.name) ? undefined : rule,
      apply: (difference) => this.#apply(owner, difference),
    };
  }

  async #apply(owner: string, { add, change, remove }: Difference): Promise<void> {
    await this.#enter();
    this.applied.push({ add, change, remove });
    const made = [...add, ...change];
    const gone = new Set([...made.map(({ name }) => name), ...remove]);
    const isRestless = ({ name }: { readonly name: string }) => this.restless.has(name);
    this.rules = this.rules.filter((rule) => rule.owner !== owner || !gone.has(rule.name) || isRestless(rule));
    this.set(owner, ...made.filter((rule) => !isRestless(rule)));
  }

  async #enter(): Promise<void> {
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
  }
}
