/**
 * firewalld, where it governs the host's firewall. Rules are rich rules of its runtime configuration: a reload takes them
 * away, and the next sync puts them back; nothing is left in its permanent configuration. firewalld_rules.ts tells how
 * they look.
 */
import type { Program } from "../../os/program.ts";
import type { BackendOptions, FirewallBackend, FirewallReading } from "../backend.ts";
import { type InterfaceAddress, onLinkNetworks } from "../networks.ts";
import { type Difference, sizeOf } from "../rule.ts";
import { callsFor, countForeign, type FirewalldView, neededRule, parseZones, readRules } from "./firewalld_rules.ts";
import { runTool, unavailable } from "./tool.ts";

/** Where firewall-cmd is on Fedora, Debian and their kin. */
export const FIREWALL_CMD: Program = ["/usr/bin/firewall-cmd"];

/** Options of {@linkcode FirewalldBackend}. */
export interface FirewalldOptions extends BackendOptions {
  /** Runs firewall-cmd. @default FIREWALL_CMD */
  readonly firewallCmd?: Program;
  /** The addresses of this machine. @default Deno.networkInterfaces */
  readonly interfaces?: () => readonly InterfaceAddress[];
  /** After so long a call of firewall-cmd is ended. @default 60_000 */
  readonly timeoutMs?: number;
}

const READ = "read the firewall", CHANGE = "change the firewall";

/** See {@linkcode FirewallBackend}. Each zone is changed by a call of its own; what was done when one fails, stays. */
export class FirewalldBackend implements FirewallBackend {
  readonly name = "firewalld";
  readonly #options: Required<FirewalldOptions>;

  constructor(
    { owner, firewallCmd = FIREWALL_CMD, interfaces = Deno.networkInterfaces, timeoutMs = 60_000 }: FirewalldOptions,
  ) {
    this.#options = { owner, firewallCmd, interfaces, timeoutMs };
  }

  async read(): Promise<FirewallReading> {
    const view = await this.#view();
    return {
      rules: readRules(view),
      foreign: countForeign(view),
      remarks: [],
      needed: (rule) => neededRule(view, rule),
    };
  }

  async apply(difference: Difference): Promise<void> {
    if (sizeOf(difference) === 0) return;
    for (const call of callsFor(await this.#view(), difference)) await this.#call(call, CHANGE);
  }

  close(): void {}

  async #view(): Promise<FirewalldView> {
    const { owner, interfaces } = this.#options;
    const zones = await this.#call(["--list-all-zones"], READ); // one by one: when it fails, none is left running
    const defaultZone = await this.#call(["--get-default-zone"], READ);
    return {
      zones: parseZones(zones),
      defaultZone: defaultZone.trim(),
      owner,
      local: onLinkNetworks(interfaces()),
    };
  }

  async #call(args: readonly string[], intent: string): Promise<string> {
    const { firewallCmd, timeoutMs } = this.#options;
    const { code, stdout, stderr } = await runTool(firewallCmd, args, { intent, timeoutMs });
    if (code === 0) return stdout;
    throw unavailable(intent, reasonOf(`${stderr}\n${stdout}`, code));
  }
}

/**
 * Whether firewalld governs the firewall of this machine: it runs.
 *
 * @throws {PortdError} `firewall_unavailable` when it does not answer in time.
 */
export async function isFirewalldRunning(firewallCmd: Program = FIREWALL_CMD): Promise<boolean> {
  try {
    await Deno.stat(firewallCmd[0]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  const { code, stderr } = await runTool(firewallCmd, ["--state"], { intent: READ, timeoutMs: 60_000 });
  return code === 0 || isRefusal(stderr); // who may not ask was heard
}

function reasonOf(said: string, code: number): string {
  if (/not running/i.test(said)) return "firewalld does not run any more";
  if (isRefusal(said)) return "firewall-cmd needs root";
  const line = said.split("\n").map((line) => line.trim()).find((line) => line !== "");
  return `firewall-cmd ended with exit code ${code}${line === undefined ? "" : `: ${line.replace(/^Error: /, "")}`}`;
}

function isRefusal(said: string): boolean {
  return /authorization failed|not authorized/i.test(said);
}
