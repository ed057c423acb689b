/** The sheet as plain text, for a terminal. Pure. */
import { escapeControls } from "../escape.ts";
import type { Entry, Part, Sheet } from "./sheet.ts";

/** The sheet; ends with a line end. Control characters of names are made visible. */
export function sheetText({ title, subtitle, text, parts }: Sheet): string {
  const blocks = [title, subtitle, ...text].map(escapeControls);
  return [...[blocks.join("\n")], ...parts.map((part, i) => partText(part, i + 1))].join("\n\n") + "\n";
}

function partText({ title, text, entries, ways }: Part, number: number): string {
  return [
    `${number}. ${title}`,
    ...text.map((each) => `   ${each}`),
    ...entries.flatMap(entryLines),
    ...ways.flatMap(({ text, commands }) => [`   ${text}`, ...commands.map((command) => `     ${command}`)]),
  ].map(escapeControls).join("\n");
}

function entryLines({ title, fields }: Entry): readonly string[] {
  const rows = fields.map(([label, value]) => `     ${label}: ${value}`);
  return title === "" ? rows : [`   [${title}]`, ...rows];
}
