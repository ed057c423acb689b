/** The firewalls of Linux: one backend, which speaks to each in its dialect. */
import type { BackendOptions, FirewallBackend, FirewallReading } from "../backend.ts";
import { type InterfaceAddress, onLinkNetworks } from "../networks.ts";
import type { Difference } from "../rule.ts";
import { CHANGE, type Dialect, type ProgramCall, READ, runTool, unavailable } from "./dialect.ts";
import { commandsFor, type Entries, neededRule, readRules } from "./entries.ts";

/** Options of {@linkcode LinuxFirewall}. */
export interface LinuxFirewallOptions extends BackendOptions {
  /** The addresses of this machine. @default Deno.networkInterfaces */
  readonly interfaces?: () => readonly InterfaceAddress[];
  /** A call of the dialect's program is ended after this time. @default 60_000 */
  readonly timeoutMs?: number;
}

/** See {@linkcode FirewallBackend}. A change may be several calls; when one fails, those before it stay done. */
export class LinuxFirewall<Command> implements FirewallBackend {
  readonly name: Dialect<Command>["name"];
  readonly #dialect: Dialect<Command>;
  readonly #options: Required<LinuxFirewallOptions>;

  constructor(
    dialect: Dialect<Command>,
    { owner, interfaces = Deno.networkInterfaces, timeoutMs = 60_000 }: LinuxFirewallOptions,
  ) {
    this.name = dialect.name;
    this.#dialect = dialect;
    this.#options = { owner, interfaces, timeoutMs };
  }

  async read(): Promise<FirewallReading> {
    const { owner, interfaces } = this.#options;
    const local = onLinkNetworks(interfaces());
    const entries = await this.#dialect.read({ owner, local, call: (...args) => this.#call({ args }, READ) });
    return {
      rules: readRules(entries),
      foreign: entries.foreign,
      remarks: entries.remarks,
      needed: (rule) => neededRule(entries, rule),
      apply: (difference) => this.#apply(entries, difference),
    };
  }

  async #apply(entries: Entries<Command>, difference: Difference): Promise<void> {
    const commands = commandsFor(entries, difference);
    if (commands.length === 0) return;
    for (const call of this.#dialect.callsFor(commands)) await this.#call(call, CHANGE);
  }

  async #call({ args, input = "" }: ProgramCall, intent: string): Promise<string> {
    const { program, tool, reasons, errorLine } = this.#dialect;
    const { timeoutMs } = this.#options;
    const { code, stdout, stderr } = await runTool(program, args, { input, intent, timeoutMs });
    if (code === 0) return stdout;
    const said = `${stderr}\n${stdout}`;
    const known = reasons.find(([pattern]) => pattern.test(said))?.[1];
    const line = errorLine.exec(said)?.[1];
    throw unavailable(intent, known ?? `${tool} ended with exit code ${code}${line === undefined ? "" : `: ${line}`}`);
  }
}
