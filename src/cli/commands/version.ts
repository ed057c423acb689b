/** `portd version`. */
import { VERSION } from "../../version.ts";
import { defineCommand } from "../command.ts";
import { writeJson, writeLine } from "../terminal.ts";

export default defineCommand({
  help: "Prints the version; with --json also that of Deno, the OS and the architecture.",
  run({ process }, { json }) {
    const { os, arch } = Deno.build;
    if (json) writeJson(process.stdout, { version: VERSION, deno: Deno.version.deno, os, arch });
    else writeLine(process.stdout, `portd ${VERSION}`);
  },
});
