/** A firewall that keeps its rules in memory, and passes the same tests as the real ones. */
import type { FirewallBackend, FirewallReading } from "../../src/firewall/backend.ts";
import type { ActualRule, Difference, Rule } from "../../src/firewall/rule.ts";

/** A rule as the fake has it: an {@linkcode ActualRule} with its owner. */
export interface FakeRule extends ActualRule {
  readonly owner: string;
}

/** What a test may do to the firewall behind its backends' back. */
export class FakeFirewall {
  /** The rules of every portd. */
  rules: FakeRule[] = [];
  /** The rules of others. */
  foreign: string[] = [];
  /** What {@linkcode FirewallReading.remarks} tell. */
  remarks: string[] = [];
  /** Names of rules that are taken away, or put back, as soon as a change is done. */
  readonly restless = new Set<string>();
  /** Each call of a backend throws it while it is set. */
  failure: Error | undefined;
  /** Calls of `apply`, with what each was to do. */
  readonly applied: Difference[] = [];
  /** Awaited by each call of a backend before it does anything. */
  gate: Promise<void> = Promise.resolve();

  /** A backend of one portd. @param owner as in `BackendOptions`. */
  backend(owner: string): FirewallBackend {
    return {
      name: "nftables",
      read: () => this.#read(owner),
      apply: (difference) => this.#apply(owner, difference),
      close() {},
    };
  }

  async #read(owner: string): Promise<FirewallReading> {
    await this.#enter();
    const [ours, theirs] = [true, false].map((isOurs) =>
      this.rules.filter((rule) => (rule.owner === owner) === isOurs)
    );
    return {
      rules: ours!.map(({ name, rule }) => ({ name, rule })),
      foreign: this.foreign.length + theirs!.length,
      remarks: [...this.remarks],
    };
  }

  async #apply(owner: string, { add, change, remove }: Difference): Promise<void> {
    await this.#enter();
    this.applied.push({ add, change, remove });
    const made: readonly Rule[] = [...add, ...change];
    const gone = new Set([...made.map(({ name }) => name), ...remove]);
    const isStill = ({ name }: { readonly name: string }) => this.restless.has(name);
    const left = this.rules.filter((rule) => rule.owner !== owner || !gone.has(rule.name) || isStill(rule));
    const kept = made.filter((rule) => !isStill(rule));
    this.rules = [...left, ...kept.map((rule) => ({ name: rule.name, owner, rule }))];
  }

  async #enter(): Promise<void> {
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
  }
}
