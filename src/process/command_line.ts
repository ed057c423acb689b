/** Command lines for people. Pure. */

const LONGEST = 300;

/** A command line as one line of bounded length. */
export function boundedCommand(command: string): string {
  const line = command.trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/**
 * A command line as people write it: no folder before its program, and no interpreter before a program that is a script
 * (`node /home/me/shop/node_modules/.bin/vite --port 20417` → `vite --port 20417`). What is longer than `most` characters
 * keeps its program and its end, as the port is there. `[names]` of kernel threads stay.
 */
export function shortCommand(command: string, most: number): string {
  const [, quoted, plain, rest = ""] = /^(?:"([^"]*)"|(\S*))(.*)$/s.exec(command) ?? [];
  const program = quoted ?? plain ?? "";
  const name = program.startsWith("[") ? program : lastPart(program) || program;
  return keepEnds(INTERPRETER.test(name) ? shortScript(name, rest) : name + rest, { name, most });
}

const INTERPRETER = /^(?:node|nodejs|deno|bun|python|ruby|perl|php|sh|bash|dash|zsh|ksh)[\d.]*(?:\.exe)?$/i;
/** What follows an interpreter: its options and subcommand, the script, and the script's arguments. */
const SCRIPT = /^((?:\s+(?:-\S*|run))*)\s+(?:"([^"]*)"|(\S+))(.*)$/s;
/** A path that nobody has typed. */
const LONG_PATH = /^(?:\/|[a-z]:[\\/])|(?:^|[\\/])node_modules[\\/]/i;
/** Names of scripts that say nothing without the name of their package. */
const COMMON_SCRIPT = /^(?:bin|cli|entry|index|main|run|server|start)$/;
/** Fewer characters of the end of a command say nothing beside its program. */
const LEAST_END = 6;

/** @param rest is what follows the interpreter. */
function shortScript(interpreter: string, rest: string): string {
  const [, options = "", quoted, plain, words = ""] = SCRIPT.exec(rest) ?? [];
  const path = quoted ?? plain ?? "";
  if (!LONG_PATH.test(path)) return interpreter + rest;
  const tool = toolOf(path), file = tool ?? lastPart(path);
  const isProgram = options === "" && (tool !== undefined || !file.includes("."));
  return isProgram ? file + words : `${interpreter}${options} ${file}${words}`;
}

/** The program that a script in `node_modules` is: its own name, or that of its package. */
function toolOf(path: string): string | undefined {
  const parts = path.split(/[\\/]/), at = parts.lastIndexOf("node_modules");
  if (at === -1 || parts.length < at + 3) return undefined;
  const name = parts.at(-1)!.replace(/\.[cm]?js$/, "");
  if (!COMMON_SCRIPT.test(name)) return name;
  const [scope = "", packageName = ""] = parts.slice(at + 1);
  return scope.startsWith("@") ? `${scope}/${packageName}` : scope;
}

function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** A text in at most so many characters: its program, and as much of its end as there is room for. */
function keepEnds(text: string, { name, most }: { readonly name: string; readonly most: number }): string {
  if (text.length <= most) return text;
  const room = most - `${name} …`.length;
  const hasRoom = text.startsWith(`${name} `) && room >= LEAST_END;
  return hasRoom ? `${name} …${text.slice(-room)}` : `…${text.slice(text.length - most + 1)}`;
}

/** How many characters of a command a sentence has. */
const SENTENCE_WIDTH = 60;

/** A process in a sentence. */
export function processText(pid: number | null, command: string | null | undefined): string {
  return `pid ${pid} (${command ? shortCommand(command, SENTENCE_WIDTH) : "unknown command"})`;
}
