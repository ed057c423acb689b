/** The firewall of the Windows under Wine: its registry, and COM classes of our own, see firewall_com_server.c. */
import { openWindowsParts, WindowsFirewall, type WindowsParts } from "../../../src/firewall/windows/backend.ts";
import { LOCAL_RULES } from "../../../src/firewall/windows/policy.ts";
import { WindowsRegistry } from "../../../src/os/windows/registry.ts";
import type { RuleStore } from "../windows_firewall.ts";
import { COM_SERVER } from "./firewall_com_server.ts";
import { WritableRegistry } from "./windows_registry.ts";

/** The owner of the rules. */
export const OWNER = "1a2b3c4d";
/** The COM classes of the firewall. */
export const CLASSES = ["{E2B3C97F-6AE1-41AC-817A-F6F92166D7DD}", "{2C5BC43E-3369-4C33-AB0C-BE9469677AF4}"];
/** The key of the group policy. */
export const POLICY = "SOFTWARE\\Policies\\Microsoft\\WindowsFirewall";
const SETTINGS = "Software\\portd-tests\\firewall";

/** The firewall for one test, without rules. */
export class WineFirewall implements RuleStore, Disposable {
  readonly registry = new WritableRegistry();
  readonly parts: WindowsParts = openWindowsParts();

  constructor() {
    this.#clean();
    this.registry.setText(LOCAL_RULES, "x", "");
    this.registry.deleteValue(LOCAL_RULES, "x");
    for (const clsid of CLASSES) {
      const path = `Software\\Classes\\CLSID\\${clsid}\\InprocServer32`;
      this.registry.setText(path, "", `${Deno.cwd()}\\${COM_SERVER}`);
      this.registry.setText(path, "ThreadingModel", "Both");
    }
  }

  backend(): WindowsFirewall {
    return new WindowsFirewall(this.parts, { owner: OWNER, listeners: () => [Deno.pid] });
  }

  /** Sets how the COM classes behave; see firewall_com_server.c. */
  configure(setting: "Result" | "FailPorts" | "Held" | "HoldMs" | "ModifyState", value: number): void {
    this.registry.setNumber(SETTINGS, setting, value);
  }

  async list() {
    return await new WindowsRegistry().texts(LOCAL_RULES) ?? [];
  }

  set(id: string, text: string): void {
    this.registry.setText(LOCAL_RULES, id, text);
  }

  delete(id: string): void {
    this.registry.deleteValue(LOCAL_RULES, id);
  }

  [Symbol.dispose](): void {
    this.#clean();
    this.registry[Symbol.dispose]();
  }

  #clean(): void {
    for (const path of [LOCAL_RULES, SETTINGS, POLICY]) this.registry.deleteKey(path);
  }
}
