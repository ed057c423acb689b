/** `portd version`. */
import { VERSION } from "../../version.ts";
import type { Having } from "../answer.ts";
import { defineCommand } from "../command.ts";
import { writeJson, writeLine } from "../terminal.ts";

const FIELDS = ["version", "deno", "os", "arch"] as const;

export default defineCommand({
  answer: { fields: FIELDS },
  help: "Prints the version; with --json also that of Deno, the OS and the architecture.",
  run({ process }, { json }) {
    const { os, arch } = Deno.build;
    if (json) {
      writeJson(
        process.stdout,
        { version: VERSION, deno: Deno.version.deno, os, arch } satisfies Having<typeof FIELDS>,
      );
    } else writeLine(process.stdout, `portd ${VERSION}`);
  },
});
