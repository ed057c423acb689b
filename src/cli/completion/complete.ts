/** `portd __complete WORDS`: what may stand in the place of the last word. The scripts of the shells ask it. */
import { proposeCompletions } from "@stricli/core";
import { type AnyCommand, applicationOf, BRIEFS } from "../app.ts";
import type { CliContext } from "../context.ts";
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
    const proposals = await proposeCompletions(applicationOf(command, loaded), inputs, context);
    const isOffered = (word: string) => word !== "--" || command === "run";
    for (const { completion, brief } of proposals) if (isOffered(completion)) write(completion, brief);
  }
}
