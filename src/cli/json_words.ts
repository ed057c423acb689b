/** Reading `--json FIELD,FIELD` on the command line: stricli has no flag whose value may be left out before an argument. */
import type { Command, RouteMap } from "@stricli/core";
import type { PortdCommand } from "./command.ts";
import type { CliContext } from "./context.ts";

/** A command line whose list of fields has been read. */
export interface JsonWords {
  /** Without the list. */
  readonly words: readonly string[];
  /** Whether `--json` is among them. */
  readonly isJson: boolean;
  /** The fields that were chosen; `undefined` where none were. */
  readonly fields?: readonly string[];
  /** The word behind `--json` that was taken for an argument. */
  readonly behind?: string | undefined;
  /** A chosen field that the command does not have. */
  readonly unknown?: string;
}

/** The command that is run: of a group the one that its first word names. */
export function commandIn(
  loaded: Command<CliContext> | RouteMap<CliContext>,
  word: string | undefined,
): PortdCommand | undefined {
  if (!("getRoutingTargetForInput" in loaded)) return loaded as PortdCommand;
  const found = word === undefined ? undefined : loaded.getRoutingTargetForInput(word);
  return found && "parameters" in found ? found as PortdCommand : undefined;
}

/**
 * Takes the list of fields from the words. The word behind `--json` is a list where all its parts between commas are
 * fields, where one of several is, and always where the command takes no arguments; behind `--json=` always.
 */
export function takeFields(words: readonly string[], command: PortdCommand | undefined): JsonWords {
  const dashes = words.indexOf("--"), end = dashes === -1 ? words.length : dashes;
  const at = words.slice(0, end).findIndex((word) => word === "--json" || word.startsWith("--json="));
  if (at === -1) return { words, isJson: false };
  const isJoined = words[at] !== "--json", next = at + 1 < end ? words[at + 1] : undefined;
  const text = isJoined ? words[at]!.slice("--json=".length) : next;
  if (command === undefined || text === undefined) return { words, isJson: true };
  if (!isJoined && !isList(text, command)) return { words, isJson: true, behind: text };
  const fields = text.split(","), unknown = fields.find((field) => !isField(field, command));
  const rest = words.toSpliced(at, isJoined ? 1 : 2, "--json");
  return { words: rest, isJson: true, fields, ...(unknown !== undefined && { unknown }) };
}

function isList(text: string, command: PortdCommand): boolean {
  if (text.startsWith("-")) return false;
  const parts = text.split(","), known = parts.filter((part) => isField(part, command)).length;
  return known === parts.length || (parts.length > 1 && known > 0) || !command.takesArguments;
}

function isField(word: string, { answer }: PortdCommand): boolean {
  if (answer === undefined) return false;
  return answer.fields.length === 0 ? word !== "" : answer.fields.includes(word);
}
