/** The firewalls of Linux: one backend, which speaks to each in its dialect. */
import type { PortdError } from "../../errors.ts";
import {
  type BackendOptions,
  CHANGE,
  type FirewallBackend,
  firewallUnavailable,
  READ,
  rightsMissing,
} from "../backend.ts";
import { type InterfaceAddress, onLinkNetworks } from "../networks.ts";
import { type Dialect, type ProgramCall, runTool } from "./dialect.ts";
import { commandsFor, neededRule, readRules } from "./entries.ts";

/** Options of {@linkcode linuxFirewall}. */
export interface LinuxFirewallOptions extends BackendOptions {
  /** The addresses of this machine. @default Deno.networkInterfaces */
  readonly interfaces?: () => readonly InterfaceAddress[];
  /** A call of the dialect's program is ended after this time. @default 60_000 */
  readonly timeoutMs?: number;
}

/** See {@linkcode FirewallBackend}. A change may be several calls; when one fails, those before it stay done. */
export function linuxFirewall<Command>(
  dialect: Dialect<Command>,
  { owner, interfaces = Deno.networkInterfaces, timeoutMs = 60_000 }: LinuxFirewallOptions,
): FirewallBackend {
  const call = async (intent: string, { args, input = "" }: ProgramCall) => {
    const { code, stdout, stderr } = await runTool(dialect.program, args, { input, intent, timeoutMs });
    if (code !== 0) throw failure(intent, dialect, { code, said: `${stderr}\n${stdout}` });
    return stdout;
  };
  return {
    name: dialect.name,
    async read() {
      const local = onLinkNetworks(interfaces());
      const entries = await dialect.read((...args) => call(READ, { args }), { owner, local });
      return {
        rules: readRules(entries),
        foreign: entries.foreign,
        remarks: entries.remarks,
        needed: (rule) => neededRule(entries, rule),
        async apply(difference) {
          const commands = commandsFor(entries, difference);
          const calls = commands.length === 0 ? [] : dialect.callsFor(commands);
          for (const each of calls) await call(CHANGE, each);
        },
      };
    },
  };
}

/** The error of a program that failed. @param outcome has its exit code and what it wrote. */
function failure(
  intent: string,
  { tool, denial: [denied, needed], reasons = [], errorLine }: Dialect<unknown>,
  { code, said }: { readonly code: number; readonly said: string },
): PortdError {
  if (denied.test(said)) return rightsMissing(intent, needed);
  const known = reasons.find(([pattern]) => pattern.test(said))?.[1];
  const line = errorLine.exec(said)?.[1];
  return firewallUnavailable(
    intent,
    known ?? `${tool} ended with exit code ${code}${line === undefined ? "" : `: ${line}`}`,
  );
}
