/** ufw, where it governs the host's firewall. Rules are read from its files and set through its program. */
import type { Program } from "../../os/program.ts";
import { firewallUnavailable, READ, rightsMissing } from "../backend.ts";
import type { Family } from "../networks.ts";
import type { Dialect } from "./dialect.ts";
import { entriesIn, parseUfwRules, type UfwCommand } from "./ufw_rules.ts";

/** Options of {@linkcode ufw}. */
export interface UfwOptions {
  /** Runs ufw. @default where it is on Debian, Ubuntu and their kin */
  readonly program?: Program;
  /** The folder that is `/` to ufw, without a slash at its end. @default "" */
  readonly root?: string;
}

/** The dialect of ufw, which governs where it is switched on. Each entry is changed by a call: ufw takes no more. */
export function ufw({ program = ["/usr/sbin/ufw"], root = "" }: UfwOptions = {}): Dialect<UfwCommand> {
  return {
    name: "ufw",
    tool: "ufw",
    program,
    async governs() {
      try {
        return /^ENABLED="?yes"?\s*$/mi.test(await Deno.readTextFile(`${root}/etc/ufw/ufw.conf`));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
        throw error;
      }
    },
    async read(_call, options) {
      const [settings, rules4, rules6] = await Promise.all([
        readFile(`${root}/etc/default/ufw`),
        readFile(`${root}/etc/ufw/user.rules`),
        readFile(`${root}/etc/ufw/user6.rules`),
      ]);
      const setting = (name: string) => new RegExp(`^${name}="?([^"\\s]*)"?\\s*$`, "mi").exec(settings)?.[1] ?? "";
      const families: Family[] = setting("IPV6").toLowerCase() === "yes" ? [4, 6] : [4];
      const policies = { in: setting("DEFAULT_INPUT_POLICY"), out: setting("DEFAULT_OUTPUT_POLICY") };
      const rules = [...parseUfwRules(rules4, 4), ...parseUfwRules(rules6, 6)];
      return entriesIn({ rules, policies, families }, options);
    },
    callsFor: (commands) => commands.map((args) => ({ args })),
    denial: [/need to be root/i, "ufw needs root"],
    errorLine: /^ERROR: *(.+)$/m,
  };
}

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      throw rightsMissing(READ, `reading ${path} needs root`, error);
    }
    if (error instanceof Deno.errors.NotFound) {
      throw firewallUnavailable(READ, `ufw is set up without ${path}`, error);
    }
    throw error;
  }
}
