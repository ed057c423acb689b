/** `run.cmd`: whether arguments reach a script whole, as those of `portd run` to an npm command do. */
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { fail, type Item, type Outcome, skipped, verdict } from "./self_test.ts";

const ARGUMENTS = ["plain", "two words", "100%", "%PATH%", "a&b", 'say "hi"', "日本語", "^caret", ""] as const;
/** Windows' own limit of a path, without the prefix that lifts it. */
const LONG_PATH = 280, LONGEST_NAME = 50;
const LIMIT_MS = 20_000;

const UNIX_SCRIPT = `#!/bin/sh\nfor word; do printf '[%s]\\n' "$word"; done\n`;
/** One line an argument, until one is empty and not in quotes: that is the end. */
const WINDOWS_SCRIPT = [
  "@echo off",
  "chcp 65001 >nul",
  ":next",
  "if [%1]==[] exit /b 0",
  "echo [%1]",
  "shift",
  "goto next",
  "",
].join("\r\n");

/** The item. */
export const scriptItem: Item = {
  id: "run.cmd",
  does: "run a script that prints its arguments",
  run: testScript,
};

async function testScript(folder: string): Promise<Outcome> {
  const printed = await runScript(folder);
  if (printed === undefined) return skipped("no program may be started from the folder for temporary files");
  if (printed instanceof Error) return fail(messageOf(printed));
  const lost = ARGUMENTS.filter((each, i) => printed[i] !== each);
  let deep = folder;
  while (deep.length < LONG_PATH) deep = join(deep, "x".repeat(LONGEST_NAME));
  Deno.mkdirSync(deep, { recursive: true });
  const long = await runScript(deep);
  const longPath = Array.isArray(long) ? "runs" : long instanceof Error ? messageOf(long) : "may not be started";
  const objections = lost.length === 0 ? [] : [`${lost.length} of ${ARGUMENTS.length} arguments arrive changed`];
  const changed = lost.map((each) => ({ given: each, printed: printed[ARGUMENTS.indexOf(each)] ?? null }));
  return verdict(objections, { changed, longPath });
}

/** Runs the script. @returns what it printed; `undefined` where nothing in the folder may be started; the error. */
async function runScript(folder: string): Promise<readonly string[] | Error | undefined> {
  const isWindows = Deno.build.os === "windows";
  const path = join(folder, isWindows ? "print.cmd" : "print");
  Deno.writeTextFileSync(path, isWindows ? WINDOWS_SCRIPT : UNIX_SCRIPT, { mode: 0o700 });
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const command = new Deno.Command(path, { args: [...ARGUMENTS], stdin: "null", stderr: "null", signal });
    const { code, stdout } = await command.output();
    if (code !== 0) return new Error(`the script ended with exit code ${code}`);
    const lines = new TextDecoder().decode(stdout).split(/\r?\n/).slice(0, -1);
    return lines.map((line) => isWindows ? unquote(line.slice(1, -1)) : line.slice(1, -1));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error instanceof Deno.errors.PermissionDenied ? undefined : error;
  }
}

/** An argument as cmd.exe passes it: in quotes where it needs them, quotes in it doubled. */
function unquote(word: string): string {
  const [, inner = word] = /^"(.*)"$/s.exec(word) ?? [];
  return inner.replaceAll('""', '"');
}
