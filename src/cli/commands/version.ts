/** `portd version`. */
import { VERSION } from "../../version.ts";
import { command, COMMON_FLAGS } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { toJson } from "../terminal.ts";

export default command<CommonFlags, []>({
  parameters: { flags: COMMON_FLAGS },
  docs: { brief: "Print the version", customUsage: ["[--json]"] },
  run({ process }, { json }) {
    const { os, arch } = Deno.build;
    const version = { version: VERSION, deno: Deno.version.deno, os, arch };
    process.stdout.write(json ? `${toJson(version)}\n` : `portd ${VERSION}\n`);
  },
});
