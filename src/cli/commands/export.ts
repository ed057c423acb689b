/** `portd export`: everything that the daemon keeps, as a document. */
import { Document, Scalar, visit } from "yaml";
import { escapeControlsOfJson, hasHiddenControls } from "../../escape.ts";
import { command, COMMON_FLAGS } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { toJson } from "../terminal.ts";

const FORMATS = ["yaml", "json"] as const;

type ExportFlags = CommonFlags & { readonly format?: typeof FORMATS[number] };

export default command<ExportFlags, [file?: string]>({
  parameters: {
    flags: {
      format: { kind: "enum", values: FORMATS, brief: "How to write it (yaml)", optional: true },
      ...COMMON_FLAGS,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "FILE", brief: "Where to write it (stdout)", optional: true }],
    },
  },
  docs: {
    brief: "Write all leases out as YAML or JSON",
    fullDescription:
      `Writes the live leases and the ports of all names, for people and for portd import. Without --format
a FILE that ends in .json is written as JSON. Takes the admin token, like portd stop.`,
    customUsage: ["[FILE] [--format yaml|json]", { input: "leases.yaml", brief: "into a file" }],
  },
  async run(context, flags, file) {
    const client = await findDaemon(context, flags, { withToken: true });
    const document = await client.export();
    const format = flags.format ?? (flags.json || file?.endsWith(".json") ? "json" : "yaml");
    const text = format === "json" ? `${toJson(document, 2)}\n` : toYaml(document);
    if (file === undefined) context.process.stdout.write(text);
    // It tells commands and folders of every project: for its owner alone.
    else Deno.writeTextFileSync(file, text, { mode: 0o600 });
  },
});

/** A document as YAML, in which no text can move the cursor of a terminal: what could is written as an escape. */
function toYaml(value: object): string {
  const document = new Document(value);
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && hasHiddenControls(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escapeControlsOfJson(document.toString()); // only texts in double quotes hold any of these
}
