/** `portd version`. */
import { VERSION } from "../../version.ts";
import { command, COMMON_FLAGS } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { writeJson, writeLine } from "../terminal.ts";

export default command<CommonFlags, []>({
  parameters: { flags: COMMON_FLAGS },
  docs: {
    fullDescription: "Prints the version; with --json also that of Deno, the OS and the architecture.",
    customUsage: ["[--json]"],
  },
  run({ process }, { json }) {
    const { os, arch } = Deno.build;
    if (json) writeJson(process.stdout, { version: VERSION, deno: Deno.version.deno, os, arch });
    else writeLine(process.stdout, `portd ${VERSION}`);
  },
});
