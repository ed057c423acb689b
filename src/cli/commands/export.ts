/** `portd export`: the leases and the ports of names, as a document. */
import { Document, Scalar, visit } from "yaml";
import { naming } from "../../errors.ts";
import { escapeControlsOfJson, hasHiddenControls } from "../../escape.ts";
import { argument, choiceFlag, COMMON_FLAGS, defineCommand } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { toJson } from "../terminal.ts";

const FORMATS = ["yaml", "json"] as const;

export default defineCommand({
  flags: { format: choiceFlag(FORMATS, "The format (yaml)"), ...COMMON_FLAGS },
  args: [{ ...argument("FILE", "Where to write it (stdout)"), optional: true }],
  help: `Writes the live leases, and the ports of all names, for people and for portd import. Without
--format a FILE that ends in .json is written as JSON. Needs the daemon's admin token.`,
  usage: ["[FILE] [--format yaml|json]", { input: "leases.yaml", brief: "into a file" }],
  async run(context, flags, file) {
    const client = await findDaemon(context, flags, { withToken: true });
    const document = await client.export();
    const format = flags.format ?? (flags.json || file?.endsWith(".json") ? "json" : "yaml");
    const text = format === "json" ? `${toJson(document, 2)}\n` : toYaml(document);
    if (file === undefined) context.process.stdout.write(text);
    // It has commands and folders of every project: only its owner may read it.
    else naming(file, () => Deno.writeTextFileSync(file, text, { mode: 0o600 }));
  },
});

/** A document as YAML; control characters are written as escapes, so that no text can control a terminal. */
function toYaml(value: object): string {
  const document = new Document(value);
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && hasHiddenControls(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escapeControlsOfJson(document.toString()); // all of these are in double quotes
}
