/**
 * Windows Defender Firewall. Rules are read from the registry, where its service keeps them, in milliseconds, and
 * written through COM, never there. policy.ts, rule_text.ts and rule_form.ts hold the bulk of the one way, rules.ts
 * and com.ts of the other.
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

/** What the backend works with. */
export interface WindowsParts {
  readonly registry: Registry;
  readonly host: Host;
  /** @throws {ComError} */
  readonly openRules: () => Promise<RuleWriter>;
}

/** Options of {@linkcode WindowsFirewall}. */
export interface WindowsFirewallOptions extends BackendOptions {
  /** The pids of those who listen on exposed leases: their programs may be blocked as such. */
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
 * A rule is changed by removing it and adding it anew, and each change is made by itself: after a failure those before
 * it stand. Rules are removed by the name that people see, as COM knows no other way; where a rule of somebody else
 * bears the name of ours, ours stays, and that is told.
 */
export class WindowsFirewall implements FirewallBackend {
  readonly name = "windows";
  readonly #parts: WindowsParts;
  readonly #owner: string;
  readonly #listeners: WindowsFirewallOptions["listeners"];
  /** Ends with the change that was asked for last: COM's objects take one call at a time. */
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
    const { own, foreign } = await this.#rules();
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
      return { rules: own.map(({ name, rule }) => ({ name, rule })), foreign: foreign.length, remarks };
    } catch (error) {
      throw cannotRead(messageOf(error), error);
    }
  }

  /** Done when Windows has done it: that can take minutes, in which others get their turn. */
  async apply(difference: Difference): Promise<void> {
    if (sizeOf(difference) === 0) return;
    const done = this.#last.then(() => this.#apply(difference));
    this.#last = Promise.allSettled([done]);
    await done;
  }

  close(): void {
    // Nothing is kept open between changes, and the libraries are the system's.
  }

  async #apply({ add, change, remove }: Difference): Promise<void> {
    const { own, foreign } = await this.#rules();
    const wanted = [...add, ...change], names = new Set(wanted.map(({ name }) => name));
    // What has been done already, by an earlier try or by hand, is not done again.
    const due = { ...diff(wanted, own.filter(({ name }) => names.has(name))), remove };
    if (sizeOf(due) === 0) return;
    await using writer = await this.#openRules();
    this.#modifyState = await askModifyState(writer);
    await applyChanges(due, { rules: { own, foreign }, writer, owner: this.#owner });
  }

  async #openRules(): Promise<RuleWriter> {
    try {
      return await this.#parts.openRules();
    } catch (error) {
      if (error instanceof ComError) throw cannotChange("change the firewall", reasonOf(error));
      throw error;
    }
  }

  /** All rules of this machine. A failure is told: that none can be read is not that none is there. */
  async #rules(): Promise<SortedRules> {
    let rules;
    try {
      rules = await readRules(this.#parts.registry, LOCAL_RULES);
    } catch (error) {
      throw cannotRead(messageOf(error), error);
    }
    if (rules === undefined) throw cannotRead(`this Windows keeps no rules at HKLM\\${LOCAL_RULES}`);
    return sortRules(rules, this.#owner);
  }
}

/** Whether rules can have an effect at all is told beside them; where Windows does not tell, adding them will. */
async function askModifyState(writer: RuleWriter): Promise<ModifyState> {
  try {
    return await writer.modifyState();
  } catch (error) {
    if (error instanceof ComError) return "unknown";
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^Cannot /, "cannot ") : String(error);
}
