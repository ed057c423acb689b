/**
 * `.codex/environments/environment.toml`: the set-up script that the Codex app runs in a worktree that it has made
 * (developers.openai.com/codex/app/local-environments). TOML has each table once, so a script that stands there already is
 * not changed. Pure.
 */
import { UnreadableFileError } from "./json_file.ts";
import { withBlock, withoutBlock } from "./marked_block.ts";

const MARKS = { begin: "# portd: begin", end: "# portd: end" };
/** A table of this name, or a key of it at the top. */
const SETUP = /^[ \t]*(?:\[[ \t]*setup[ \t]*[\].]|setup[ \t]*[.=])/m;

/** What is entered. */
export interface EnvironmentEntry {
  /** The name of a new environment. */
  readonly name: string;
  /** The set-up script. */
  readonly command: string;
}

/**
 * The text with the script; the same where that stands in it, also within another script.
 *
 * @throws {UnreadableFileError} where there is a script already.
 */
export function codexEnvironment(text: string | undefined, { name, command }: EnvironmentEntry): string {
  const rest = text === undefined ? undefined : withoutBlock(text, MARKS);
  const setup = `[setup]\nscript = ${JSON.stringify(command)}`;
  if (rest === undefined || rest.trim() === "") {
    return withBlock(text, MARKS, `version = 1\nname = ${JSON.stringify(name)}\n\n${setup}`);
  }
  if (rest.includes(command)) return text!;
  if (SETUP.test(rest)) {
    throw new UnreadableFileError(`it has a set-up script of its own; add this line to it: ${command}`);
  }
  return withBlock(text, MARKS, setup);
}

/** The text without the script; `undefined` where nothing else is left. */
export function withoutCodexEnvironment(text: string): string | undefined {
  return withoutBlock(text, MARKS);
}
