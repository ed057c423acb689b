/**
 * firewalld, where it governs the host's firewall. Rules are rich rules of its runtime configuration: a reload removes
 * them, and the next sync sets them again; nothing stays in its permanent configuration. firewalld_rules.ts has the form
 * of the rules.
 */
import { ifThereAsync } from "../../errors.ts";
import type { Program } from "../../os/program.ts";
import { READ } from "../backend.ts";
import { type Dialect, runTool } from "./dialect.ts";
import { callsFor, entriesIn, parseZones, type ZoneCommand } from "./firewalld_rules.ts";

/** Where firewall-cmd is on Fedora, Debian and their kin. */
const FIREWALL_CMD: Program = ["/usr/bin/firewall-cmd"];

const REFUSAL = /authorization failed|not authorized/i;

/**
 * The dialect of firewalld, which governs where it runs. Each zone is changed by a call of its own.
 *
 * @param options `program` runs firewall-cmd.
 */
export function firewalld(
  { program = FIREWALL_CMD }: { readonly program?: Program | undefined } = {},
): Dialect<ZoneCommand> {
  return {
    name: "firewalld",
    tool: "firewall-cmd",
    program,
    async governs() {
      if (await ifThereAsync(() => Deno.stat(program[0])) === undefined) return false;
      const { code, stderr } = await runTool(program, ["--state"], { intent: READ, timeoutMs: 60_000 });
      return code === 0 || REFUSAL.test(stderr); // only a firewalld that runs can refuse the question
    },
    async read(call, options) {
      const zones = parseZones(await call("--list-all-zones"));
      // firewalld 2 says with the zones which one is the default.
      const defaultZone = zones.find(({ isDefault }) => isDefault)?.name ?? (await call("--get-default-zone")).trim();
      return entriesIn({ zones, defaultZone }, options);
    },
    callsFor,
    denial: [REFUSAL, "firewall-cmd needs root"],
    reasons: [[/not running/i, "firewalld does not run any more"]],
    errorLine: /^(?:Error: )?(.+)$/m,
  };
}
