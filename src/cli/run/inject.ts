/** `portd run` knows dev servers: it gives those their port that do not take it from PORT. */
import { lastCommandOf, recognise, type Recognised, scriptOf } from "../../project/recognise.ts";
import { upward } from "../../project/project.ts";
import { readBounded } from "../../state/own_file.ts";

/** A command that was given a port. */
export interface Injected {
  readonly words: readonly string[];
  /** What was done, in one line. */
  readonly note: string;
}

/**
 * The command with what gives its server the port.
 *
 * @param words are those of the command line.
 * @param cwd is where it runs.
 * @returns `undefined` where the command is left as it is.
 */
export function injectPort(words: readonly string[], port: number, cwd: string): Injected | undefined {
  const direct = recognise(words);
  if (direct !== undefined) return given(words, direct, port, { takesDashes: false });
  const call = scriptOf(words), text = call && scriptText(cwd, call.script);
  const command = text === undefined ? undefined : lastCommandOf(text);
  const found = command && recognise([...command, ...call!.more]);
  // A script whose command has the port in its midst cannot be changed from outside.
  if (found === undefined || found.framework.rewrite !== undefined) return undefined;
  return given(words, found, port, call!);
}

function given(
  words: readonly string[],
  { framework: { name, words: wordsFor, rewrite }, hasPort }: Recognised,
  port: number,
  { takesDashes }: { readonly takesDashes: boolean },
): Injected | undefined {
  if (hasPort) return undefined;
  if (rewrite !== undefined) return { words: rewrite(words, port), note: `${name}: set its port to ${port}` };
  const more = wordsFor(port), dashes = takesDashes && !words.includes("--") ? ["--"] : [];
  return { words: [...words, ...dashes, ...more], note: `${name}: added ${[...dashes, ...more].join(" ")}` };
}

/** A script of the nearest package.json; `undefined` where there is none that can be read. */
function scriptText(cwd: string, script: string): string | undefined {
  for (const folder of upward(cwd)) {
    const text = readIfThere(`${folder}/package.json`);
    if (text !== undefined) return scriptIn(text, script);
  }
}

function scriptIn(text: string, script: string): string | undefined {
  let file: { readonly scripts?: Readonly<Record<string, unknown>> } | null;
  try {
    file = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // the package manager says what is wrong
    throw error;
  }
  const scripts = file?.scripts;
  const found = typeof scripts === "object" && scripts !== null && Object.hasOwn(scripts, script)
    ? scripts[script]
    : "";
  return typeof found === "string" && found !== "" ? found : undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return readBounded(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
