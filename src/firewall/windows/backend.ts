/**
 * Windows Defender Firewall. Rules are read from the registry, where its service keeps them, in milliseconds, and written
 * through COM, never to the registry. The bulk of the reading is in policy.ts, rule_text.ts and rule_form.ts, that of
 * the writing in rules.ts and com.ts.
 */
import { type Registry, WindowsRegistry } from "../../os/windows/registry.ts";
import { diff, type Difference, sizeOf } from "../rule.ts";
import type { BackendOptions, FirewallBackend, FirewallReading } from "../backend.ts";
import { applyChanges } from "./changes.ts";
import { ComError, openComLibraries } from "./com.ts";
import { cannotChange, cannotRead, reasonOf } from "./failure.ts";
import { type Host, WindowsHost } from "./host.ts";
import { isServiceDisabled, LOCAL_RULES, POLICY_RULES, readProfiles, readRules } from "./policy.ts";
import { remarksOf } from "./remarks.ts";
import { type SortedRules, sortRules } from "./rule_form.ts";
import { type ModifyState, type RuleWriter, WindowsRules } from "./rules.ts";

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
  return { registry: new WindowsRegistry(), host: new WindowsHost(), openRules: () => WindowsRules.open(libraries) };
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
  readonly #owner: string;
  readonly #listeners: WindowsFirewallOptions["listeners"];
  /** Ends with the last change that was asked for: COM's objects take one call at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #modifyState: ModifyState = "unknown";

  constructor(parts: WindowsParts, { owner, listeners }: WindowsFirewallOptions) {
    this.#parts = parts;
    this.#owner = owner;
    this.#listeners = listeners;
  }

  /** The firewall of this machine. @throws without permission for FFI. */
  static open(options: WindowsFirewallOptions): WindowsFirewall {
    return new WindowsFirewall(openWindowsParts(), options);
  }

  async read(): Promise<FirewallReading> {
    const { registry, host } = this.#parts;
    const sorted = await this.#rules();
    const { own, foreign } = sorted;
    try {
      const ofPolicy = await readRules(registry, POLICY_RULES) ?? [];
      const remarks = remarksOf({
        service: isServiceDisabled(registry) ? "disabled" : await host.serviceState(),
        elevated: host.isElevated(),
        profiles: readProfiles(registry),
        modifyState: this.#modifyState,
        own,
        others: [...foreign, ...ofPolicy],
        programs: [...new Set(this.#listeners().flatMap((pid) => host.programOf(pid) ?? []))],
        variable: (name) => host.variable(name),
      });
      return {
        rules: own.map(({ name, rule }) => ({ name, rule })),
        foreign: foreign.length,
        remarks,
        needed: (rule) => rule,
        apply: (difference) => this.#applyInTurn(difference, sorted),
      };
    } catch (error) {
      throw cannotRead(error);
    }
  }

  /** Ends when Windows has done it, which can take minutes. */
  async #applyInTurn(difference: Difference, rules: SortedRules): Promise<void> {
    const done = this.#last.then(() => this.#apply(difference, rules));
    this.#last = Promise.allSettled([done]);
    await done;
  }

  async #apply({ add, change, remove }: Difference, rules: SortedRules): Promise<void> {
    const { own } = rules;
    const wanted = [...add, ...change], names = new Set(wanted.map(({ name }) => name));
    // Rules that are there already are not added again.
    const due = { ...diff(wanted, own.filter(({ name }) => names.has(name))), remove };
    if (sizeOf(due) === 0) return;
    await using writer = await this.#openRules();
    this.#modifyState = await askModifyState(writer);
    await applyChanges(due, { rules, writer, owner: this.#owner });
  }

  async #openRules(): Promise<RuleWriter> {
    try {
      return await this.#parts.openRules();
    } catch (error) {
      if (error instanceof ComError) throw cannotChange("change the firewall", reasonOf(error));
      throw error;
    }
  }

  /** All rules of this machine. @throws {PortdError} where they cannot be read: they are unknown then, not absent. */
  async #rules(): Promise<SortedRules> {
    let rules;
    try {
      rules = await readRules(this.#parts.registry, LOCAL_RULES);
    } catch (error) {
      throw cannotRead(error);
    }
    if (rules === undefined) throw cannotRead(`this Windows keeps no rules at HKLM\\${LOCAL_RULES}`);
    return sortRules(rules, this.#owner);
  }
}

/** Whether rules can have an effect at all; where Windows does not say, adding them will show. */
async function askModifyState(writer: RuleWriter): Promise<ModifyState> {
  try {
    return await writer.modifyState();
  } catch (error) {
    if (error instanceof ComError) return "unknown";
    throw error;
  }
}
