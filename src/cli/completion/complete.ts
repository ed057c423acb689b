/** `portd __complete WORDS`: what may stand in the place of the last word. The scripts of the shells ask it. */
import { proposeCompletions } from "@stricli/core";
import { type AnyCommand, applicationOf, BRIEFS } from "../app.ts";
import type { PortdCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { commandIn, takeFields } from "../json_words.ts";
import { escapeControls } from "../terminal.ts";

/**
 * Prints proposals, one a line: the word, a tab, and what it is in a few words.
 *
 * @param words are those after `portd`; the last one is what is completed, and may be empty.
 * @param loaded is the command that the first word names, or any command if it names none.
 */
export async function complete(words: readonly string[], context: CliContext, loaded: AnyCommand): Promise<void> {
  // PowerShell cannot pass an empty word.
  const inputs = (words.length === 0 ? [""] : words).map((word) => word === '""' ? "" : word);
  if (inputs.slice(0, -1).includes("--")) return; // the words of another program
  const write = (completion: string, brief: string) =>
    context.process.stdout.write(`${escapeControls(completion)}\t${escapeControls(brief)}\n`);
  const [command = ""] = inputs;
  if (inputs.length === 1) {
    for (const [name, brief] of Object.entries(BRIEFS)) if (name.startsWith(command)) write(name, brief);
  } else if (Object.hasOwn(BRIEFS, command)) {
    const called = commandIn(loaded, inputs[1]), partial = inputs.at(-1)!;
    for (const list of await proposeFields(inputs, called, context)) write(list, "field of the answer");
    if (partial.startsWith("--json=")) return;
    const before = takeFields(inputs.slice(0, -1), called).words;
    const proposals = await proposeCompletions(applicationOf(command, loaded), [...before, partial], context);
    const isOffered = (word: string) => word !== "--" || command === "run";
    for (const { completion, brief } of proposals) if (isOffered(completion)) write(completion, brief);
  }
}

/** Lists of fields that begin like the last word, behind `--json` or `--json=`: what stands before a comma stays. */
async function proposeFields(
  words: readonly string[],
  command: PortdCommand | undefined,
  context: CliContext,
): Promise<readonly string[]> {
  const partial = words.at(-1)!, isJoined = partial.startsWith("--json=");
  if (!isJoined && words.at(-2) !== "--json") return [];
  const [start, begun] = /^(.*[,=])?(.*)$/s.exec(partial)!.slice(1).map((part = "") => part) as [string, string];
  const taken = start.replace(/^--json=/, "").split(",");
  const fields = await fieldsIn(command, context);
  return fields.filter((field) => field.startsWith(begun) && !taken.includes(field)).map((field) => start + field);
}

async function fieldsIn(command: PortdCommand | undefined, context: CliContext): Promise<readonly string[]> {
  const fields = command?.answer?.fields;
  if (fields === undefined || fields.length > 0) return fields ?? [];
  const { slotVariables }: typeof import("./proposals.ts") = await import("./proposals.ts" as string);
  return await slotVariables(context);
}
