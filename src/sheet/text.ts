/** The sheet as plain text, for a terminal. Pure. */
import { escapeControls } from "../escape.ts";
import type { Entry, Part, Sheet } from "./sheet.ts";

/** Breaks a sentence behind an indent into lines; what has to be copied is never broken. */
export type Fit = (indent: string, sentence: string) => string;

/** The sheet; ends with a line end. Control characters of names are made visible. @param fit breaks nothing by default. */
export function sheetText({ title, subtitle, text, parts }: Sheet, fit: Fit = (indent, text) => indent + text): string {
  const said: Fit = (indent, sentence) => fit(indent, escapeControls(sentence));
  const head = [title, subtitle, ...text].map((each) => said("", each)).join("\n");
  return [head, ...parts.map((part, i) => partText(part, i + 1, said))].join("\n\n") + "\n";
}

function partText({ title, text, entries, ways }: Part, number: number, said: Fit): string {
  return [
    said("", `${number}. ${title}`),
    ...text.map((each) => said("   ", each)),
    ...entries.flatMap(entryLines),
    ...ways.flatMap(({ text, commands }) => [
      said("   ", text),
      ...commands.map((command) => `     ${escapeControls(command)}`),
    ]),
  ].join("\n");
}

function entryLines({ title, fields }: Entry): readonly string[] {
  const rows = fields.map(([label, value]) => escapeControls(`     ${label}: ${value}`));
  return title === "" ? rows : [escapeControls(`   [${title}]`), ...rows];
}
