/**
 * Windows Defender Firewall. Rules are read from the registry, where its service keeps them, in milliseconds, and written
 * through COM, never to the registry. The bulk of the reading is in policy.ts, rule_text.ts and rule_form.ts, that of
 * the writing in rules.ts and com.ts.
 */
import { type Registry, WindowsRegistry } from "../../os/windows/registry.ts";
import {
  type BackendOptions,
  CHANGE,
  type FirewallBackend,
  type FirewallReading,
  firewallUnavailable,
} from "../backend.ts";
import { diff, type Difference, sizeOf } from "../rule.ts";
import { applyChanges } from "./changes.ts";
import { ComError, openComLibraries } from "./com.ts";
import { cannotRead, reasonOf } from "./failure.ts";
import { type Host, openHost } from "./host.ts";
import { isServiceDisabled, LOCAL_RULES, POLICY_RULES, readProfiles, readRules } from "./policy.ts";
import { remarksOf } from "./remarks.ts";
import { type SortedRules, sortRules } from "./rule_form.ts";
import { type ModifyState, openRules, type RuleWriter } from "./rules.ts";

/** What the backend uses. */
export interface WindowsParts {
  readonly registry: Registry;
  readonly host: Host;
  /** @throws {ComError} */
  readonly openRules: () => Promise<RuleWriter>;
}

/** Options of {@linkcode WindowsFirewall}. */
export interface WindowsFirewallOptions extends BackendOptions {
  /** The pids of the processes that listen on exposed leases: a rule may block their programs. */
  readonly listeners: () => readonly number[];
}

/** Opens the real ones. @throws without permission for FFI. */
export function openWindowsParts(): WindowsParts {
  const libraries = openComLibraries();
  return { registry: new WindowsRegistry(), host: openHost(), openRules: () => openRules(libraries) };
}

/**
 * The firewall of Windows.
 *
 * A rule is changed by removing it and adding it again, and each change is made by itself: after a failure those before
 * it stay. COM removes rules only by the name that people see; where a foreign rule has the name of ours, ours stays,
 * and the error says so.
 */
export class WindowsFirewall implements FirewallBackend {
  readonly name = "windows";
  readonly #parts: WindowsParts;
  readonly #options: WindowsFirewallOptions;
  /** Ends with the last change that was asked for: COM's objects take one call at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #modifyState: ModifyState = "unknown";

  constructor(parts: WindowsParts, options: WindowsFirewallOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async read(): Promise<FirewallReading> {
    try {
      return await this.#read();
    } catch (error) {
      throw cannotRead(error);
    }
  }

  async #read(): Promise<FirewallReading> {
    const { registry, host } = this.#parts;
    const rules = await readRules(registry, LOCAL_RULES);
    if (rules === undefined) throw new Error(`this Windows keeps no rules at HKLM\\${LOCAL_RULES}`);
    const sorted = sortRules(rules, this.#options.owner);
    const { own, foreign } = sorted;
    const ofPolicy = await readRules(registry, POLICY_RULES) ?? [];
    const elevated = host.isElevated();
    const remarks = remarksOf({
      service: isServiceDisabled(registry) ? "disabled" : await host.serviceState(),
      elevated,
      profiles: readProfiles(registry),
      modifyState: this.#modifyState,
      own,
      others: [...foreign, ...ofPolicy],
      programs: [...new Set(this.#options.listeners().flatMap((pid) => host.programOf(pid) ?? []))],
      variable: (name) => host.variable(name),
    });
    return {
      rules: own.map(({ name, rule }) => ({ name, rule })),
      foreign: foreign.length,
      remarks,
      lacksRights: elevated === false,
      needed: (rule) => rule,
      apply: (difference) => this.#applyInTurn(difference, sorted),
    };
  }

  /** Ends when Windows has done it, which can take minutes. */
  async #applyInTurn(difference: Difference, rules: SortedRules): Promise<void> {
    const done = this.#last.then(() => this.#apply(difference, rules));
    this.#last = Promise.allSettled([done]);
    await done;
  }

  async #apply({ add, change, remove }: Difference, rules: SortedRules): Promise<void> {
    const wanted = [...add, ...change], names = new Set(wanted.map(({ name }) => name));
    // Rules that are there already are not added again.
    const due = { ...diff(wanted, rules.own.filter(({ name }) => names.has(name))), remove };
    if (sizeOf(due) === 0) return;
    await using writer = await this.#parts.openRules().catch((error) => {
      throw error instanceof ComError ? firewallUnavailable(CHANGE, reasonOf(error)) : error;
    });
    // Whether rules can have an effect at all; where Windows does not say, adding them will show.
    this.#modifyState = await writer.modifyState().catch((error) => {
      if (error instanceof ComError) return "unknown";
      throw error;
    });
    await applyChanges(due, { rules, writer, owner: this.#options.owner });
  }
}
