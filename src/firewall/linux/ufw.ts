/** ufw, where it governs the host's firewall. Rules are read from its files and set through its program. */
import type { Program } from "../../os/program.ts";
import type { BackendOptions, FirewallBackend, FirewallReading } from "../backend.ts";
import { type Family, type InterfaceAddress, onLinkNetworks } from "../networks.ts";
import { type Difference, sizeOf } from "../rule.ts";
import { runTool, unavailable } from "./tool.ts";
import {
  callsFor,
  countForeign,
  neededRule,
  parseUfwRules,
  readRules,
  remarksOnDenials,
  type UfwView,
} from "./ufw_rules.ts";

/** Where ufw is on Debian, Ubuntu and their kin. */
export const UFW: Program = ["/usr/sbin/ufw"];

/** Options of {@linkcode UfwBackend}. */
export interface UfwOptions extends BackendOptions {
  /** Runs ufw. @default UFW */
  readonly ufw?: Program;
  /** The folder that is `/` to ufw, without a slash at its end. @default "" */
  readonly root?: string;
  /** The addresses of this machine. @default Deno.networkInterfaces */
  readonly interfaces?: () => readonly InterfaceAddress[];
  /** After so long a call of ufw is ended. @default 60_000 */
  readonly timeoutMs?: number;
}

const READ = "read the firewall", CHANGE = "change the firewall";

/** See {@linkcode FirewallBackend}. Each change is one call of ufw; what was done when one fails, stays. */
export class UfwBackend implements FirewallBackend {
  readonly name = "ufw";
  readonly #options: Required<UfwOptions>;

  constructor({ owner, ufw = UFW, root = "", interfaces = Deno.networkInterfaces, timeoutMs = 60_000 }: UfwOptions) {
    this.#options = { owner, ufw, root, interfaces, timeoutMs };
  }

  async read(): Promise<FirewallReading> {
    const view = await this.#view();
    return {
      rules: readRules(view),
      foreign: countForeign(view),
      remarks: [...remarksOnPolicy(view), ...remarksOnDenials(view)],
      needed: (rule) => neededRule(view, rule),
    };
  }

  async apply(difference: Difference): Promise<void> {
    if (sizeOf(difference) === 0) return;
    const { ufw, timeoutMs } = this.#options;
    for (const call of callsFor(await this.#view(), difference)) {
      const { code, stdout, stderr } = await runTool(ufw, call, { timeoutMs, intent: CHANGE });
      if (code !== 0) throw unavailable(CHANGE, reasonOf(`${stderr}\n${stdout}`, code));
    }
  }

  close(): void {}

  async #view(): Promise<UfwView> {
    const { owner, root, interfaces } = this.#options;
    const [settings, rules4, rules6] = await Promise.all(
      ["/etc/default/ufw", "/etc/ufw/user.rules", "/etc/ufw/user6.rules"].map((path) => readFile(`${root}${path}`)),
    );
    const setting = (name: string) => new RegExp(`^${name}="?([^"\\s]*)"?\\s*$`, "mi").exec(settings!)?.[1] ?? "";
    const families: Family[] = setting("IPV6").toLowerCase() === "yes" ? [4, 6] : [4];
    return {
      rules: [...parseUfwRules(rules4!, 4), ...parseUfwRules(rules6!, 6)],
      policies: { in: setting("DEFAULT_INPUT_POLICY"), out: setting("DEFAULT_OUTPUT_POLICY") },
      families,
      owner,
      local: onLinkNetworks(interfaces()),
    };
  }
}

/** Whether ufw governs the firewall of this machine: it is switched on. @param root as in {@linkcode UfwOptions}. */
export async function isUfwEnabled(root = ""): Promise<boolean> {
  try {
    return /^ENABLED="?yes"?\s*$/mi.test(await Deno.readTextFile(`${root}/etc/ufw/ufw.conf`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

function remarksOnPolicy({ policies }: UfwView): string[] {
  if (policies.in !== "ACCEPT") return [];
  return ["ufw lets in what no rule is about: a rule is made only for a port that one denies to everybody"];
}

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) throw unavailable(READ, `reading ${path} needs root`, error);
    if (error instanceof Deno.errors.NotFound) throw unavailable(READ, `ufw is set up without ${path}`, error);
    throw error;
  }
}

function reasonOf(said: string, code: number): string {
  if (/need to be root/i.test(said)) return "ufw needs root";
  const line = said.split("\n").map((line) => line.trim()).find((line) => line.startsWith("ERROR:"));
  return `ufw ended with exit code ${code}${line === undefined ? "" : `: ${line.slice("ERROR:".length).trim()}`}`;
}
