/** `portd run` knows dev servers: it gives those their port that do not take it from PORT, and their side ports. */
import { frameworkId } from "../../project/framework.ts";
import { FRAMEWORKS } from "../../project/frameworks.ts";
import {
  describe,
  lastCommandOf,
  opensInspector,
  recognise,
  type Recognised,
  type ScriptCall,
  scriptOf,
} from "../../project/recognise.ts";
import { upward } from "../../project/project.ts";
import { FileTooLongError, readBounded } from "../../state/own_file.ts";

/** How many scripts may call one another. */
const MOST_SCRIPTS = 8;
/** How many characters a script may have. It may be a stranger's, and the work grows with the square of its length. */
const LONGEST_SCRIPT = 4096;
/** How long the name of a service may be: docs/api.md. */
const LONGEST_NAME = 64;

/** How a command is to be given its ports. */
export interface Injection {
  /** The names of its side ports, like `web-inspector`. */
  readonly sides: readonly string[];
  /** @param sideOf answers the port of each of {@linkcode sides}. */
  readonly inject: (port: number, sideOf: (name: string) => number) => Injected;
}

/** A command that was given its ports. */
export interface Injected {
  readonly words: readonly string[];
  /** What it gets in its environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** What was done, in one line. */
  readonly note: string;
}

/** Options of {@linkcode planInjection}. */
export interface InjectionOptions {
  /** Where the command runs. */
  readonly cwd: string;
  /** The name of the service; without one no side port can be leased. */
  readonly service?: string | undefined;
  /** The dev server that portd.yaml names, whatever is recognised. */
  readonly framework?: string | undefined;
  /** The variable NODE_OPTIONS as it is. */
  readonly nodeOptions?: string | undefined;
}

/** @param words are those of the command line. @returns `undefined` where the command is left as it is. */
export function planInjection(
  words: readonly string[],
  options: InjectionOptions,
): Injection | undefined {
  const command = commandBehind(words, options.cwd);
  const server = planServer(words, command, options), inspector = planInspector(command, options);
  if (inspector === undefined || server?.sides.includes(inspector.side)) return server;
  return {
    sides: [...server?.sides ?? [], inspector.side],
    inject(port, sideOf) {
      const { note, ...rest } = server?.inject(port, sideOf) ?? { words, note: undefined };
      const { note: own, variables } = inspector.inject(sideOf(inspector.side));
      return { ...rest, variables, note: note === undefined ? own : `${note}; ${own}` };
    },
  };
}

function planServer(
  words: readonly string[],
  command: Command,
  { service, framework }: InjectionOptions,
): Injection | undefined {
  const found = framework === undefined ? command.last && recognise(command.last) : named(framework, command.all);
  if (found === undefined) return undefined;
  const { framework: { name, words: wordsFor, rewrite, lastCounts = false } } = found;
  const isReplaced = command.isScript && lastCounts && !describe(found.framework, command.more).hasPort;
  if (found.hasPort && !isReplaced) return undefined;
  // A script whose command has the port in its midst cannot be changed from outside.
  if (rewrite !== undefined && command.isScript) return undefined;
  const sides = found.sides.flatMap((side) => {
    const name = sideName(service, side.name);
    return name === undefined ? [] : [{ ...side, name }];
  });
  return {
    sides: sides.map(({ name }) => name),
    inject(port, sideOf) {
      const variables = {};
      if (rewrite !== undefined) {
        return { words: rewrite(words, port), variables, note: `${name}: set its port to ${port}` };
      }
      const more = [...wordsFor(port), ...sides.flatMap((side) => side.words(sideOf(side.name)))];
      const added = [...command.dashes, ...more];
      return { words: [...words, ...added], variables, note: `${name}: added ${added.join(" ")}` };
    },
  };
}

/**
 * The debugger of Node.js. It takes the port of NODE_OPTIONS, also behind a script and a watcher, and a process that does
 * not open its debugger ignores that.
 */
function planInspector({ all }: Command, { service, nodeOptions }: InjectionOptions) {
  const side = sideName(service, "inspector");
  if (side === undefined || !opensInspector(all) || /--inspect/.test(nodeOptions ?? "")) return undefined;
  return {
    side,
    inject(port: number) {
      const option = `--inspect-port=${port}`;
      const NODE_OPTIONS = nodeOptions === undefined || nodeOptions === "" ? option : `${nodeOptions} ${option}`;
      return { variables: { NODE_OPTIONS }, note: `Node.js: added ${option} to NODE_OPTIONS` };
    },
  };
}

/** The name under which a side port is leased; `undefined` where there is none, or the service's leaves no room for it. */
function sideName(service: string | undefined, side: string): string | undefined {
  const name = service === undefined ? undefined : `${service}-${side}`;
  return name === undefined || name.length > LONGEST_NAME ? undefined : name;
}

function named(framework: string, words: readonly string[]): Recognised | undefined {
  const found = FRAMEWORKS.find((one) => frameworkId(one) === framework);
  return found && describe(found, words);
}

/** What a command line starts in the end. */
interface Command {
  /** The words of the server's command; `undefined` where they cannot be told apart. */
  readonly last: readonly string[] | undefined;
  /** All words of the script, or of the command. */
  readonly all: readonly string[];
  /** Those of its words that are not in the script. */
  readonly more: readonly string[];
  /** What has to stand in front of words for the server. */
  readonly dashes: readonly string[];
  readonly isScript: boolean;
}

function commandBehind(words: readonly string[], cwd: string, depth = 1): Command {
  const call = scriptOf(words);
  if (call === undefined) return { last: words, all: words, more: words, dashes: [], isScript: false };
  const dashes = call.takesDashes && !words.includes("--") ? ["--"] : [];
  const text = scriptText(cwd, call) ?? "", last = lastCommandOf(text);
  const { more } = call, all = [...text.split(/\s+/), ...more];
  if (last === undefined || depth === MOST_SCRIPTS) return { last: undefined, all, more, dashes, isScript: true };
  const inner = commandBehind([...last, ...more], cwd, depth + 1);
  return { ...inner, more, dashes: [...dashes, ...inner.dashes], isScript: true };
}

/** A script of the nearest package.json; `undefined` where there is none that can be read. */
function scriptText(cwd: string, { script, folder, isOfWorkspace }: ScriptCall): string | undefined {
  if (isOfWorkspace) return undefined;
  const isWhole = folder !== undefined && /^(?:[\\/]|[A-Za-z]:)/.test(folder);
  for (const above of upward(isWhole ? folder : folder === undefined ? cwd : `${cwd}/${folder}`)) {
    const text = readIfThere(`${above}/package.json`);
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
  return typeof found === "string" && found !== "" && found.length <= LONGEST_SCRIPT ? found : undefined;
}

/**
 * The content of a package.json, empty where it cannot be read; `undefined` where no file is there that has any. Opening
 * a pipe would wait for whoever writes into it, and a file of the kernel that says it is empty may do the same.
 */
function readIfThere(path: string): string | undefined {
  const { isFile = false, size = 0 } = lookAt(path) ?? {};
  if (!isFile || size === 0) return undefined;
  try {
    return readBounded(path);
  } catch (error) {
    const isExpected = error instanceof FileTooLongError || error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotFound;
    if (isExpected) return ""; // the package manager says what is wrong
    throw error;
  }
}

/** What is at a path; `undefined` where the OS finds nothing there, or takes no such path. */
function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    // Deno has no class of its own for a path that is too long, and TypeError for one with NUL.
    const hasCode = error instanceof Error && "code" in error;
    if (hasCode || error instanceof TypeError) return undefined;
    throw error;
  }
}
