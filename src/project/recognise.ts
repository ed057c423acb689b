/** Recognising the dev server that a command starts, also behind launchers and scripts of package.json. Pure. */
import type { Framework, SidePort } from "./framework.ts";
import { FRAMEWORKS } from "./frameworks.ts";

/** A command whose server is known. */
export interface Recognised {
  readonly framework: Framework;
  /** Whether the command has a port of its own already. */
  readonly hasPort: boolean;
  /** The ports that it opens besides, and has none of its own for. */
  readonly sides: readonly SidePort[];
}

/** A program that runs the one behind it. */
interface Launcher {
  readonly program: RegExp;
  /** Its own words that may stand between. */
  readonly words: RegExp;
  /** It counts only in front of this. */
  readonly runs?: RegExp;
}

const LAUNCHERS: readonly Launcher[] = [
  { program: /^(?:npx|bunx|pnpx|uvx|uv|poetry|pipenv|pdm|hatch|rye)$/, words: /^(?:-y|--yes|run|--)$/ },
  { program: /^(?:npm|pnpm|yarn|bun)$/, words: /^(?:exec|dlx|x|--)$/ },
  { program: /^bundle$/, words: /^exec$/ },
  { program: /^(?:python|python3|python3\.\d+|py)$/, words: /^(?:-m|-u|-W\S*|-X\S*)$/ },
  { program: /^(?:env|cross-env|dotenv|node|ruby|bun|time|exec)$/, words: /^(?:--|-e|--inspect\S*|\w+=\S*)$/ },
  { program: /^php[\d.]*$/, words: /^(?!)/, runs: /^(?:\S*\/)?artisan$/ },
];

/** The server that a command starts; `undefined` where it is none of the table. */
export function recognise(words: readonly string[]): Recognised | undefined {
  const [first, ...rest] = behindLaunchers(words);
  if (first === undefined) return undefined;
  const program = nameOf(first);
  const framework = FRAMEWORKS.find((one) => one.program.test(program) && servesWith(one, rest));
  return framework && describe(framework, rest);
}

/** What the words of a command say of its server. */
export function describe(framework: Framework, words: readonly string[]): Recognised {
  const has = (pattern: RegExp) => words.some((word) => pattern.test(word));
  const sides = (framework.sides ?? []).filter(({ opens, own }) => (opens === undefined || has(opens)) && !has(own));
  return { framework, hasPort: has(framework.own), sides };
}

function servesWith({ serves, others }: Framework, words: readonly string[]): boolean {
  if (serves !== undefined) return words.some((word) => serves.test(word));
  return others === undefined || !words.some((word) => others.test(word));
}

function behindLaunchers(words: readonly string[]): readonly string[] {
  let at = 0;
  while (at < words.length) {
    if (/^\w+=/.test(words[at]!)) {
      at++;
      continue;
    }
    const name = nameOf(words[at]!), next = words[at + 1] ?? "";
    const launcher = LAUNCHERS.find(({ program, runs = /^/ }) => program.test(name) && runs.test(next));
    const isScript = launcher !== undefined && /^(?:npm|pnpm|yarn|bun)$/.test(name) && !/^(?:exec|dlx|x)$/.test(next);
    if (launcher === undefined || isScript) break;
    at++;
    while (at < words.length && launcher.words.test(words[at]!)) at++;
  }
  return words.slice(at);
}

/** `/usr/bin/vite`, `vite.js`, `vite@8` and `vite.cmd` are `vite`. */
function nameOf(word: string): string {
  const name = word.replace(/^.*[\\/](?=[^\\/])/, "").replace(/(?<=.)@[\w.^~-]+$/, "");
  return name.replace(/\.(?:js|mjs|cjs|cmd|exe|bat)$/i, "");
}

/** Whether a command has Node.js open its debugger's port without saying which: then that is 9229, for every process. */
export function opensInspector(words: readonly string[]): boolean {
  return words.some((word) => /^(?:node|nodemon|tsx|ts-node)$/.test(nameOf(word))) &&
    words.some((word) => /^--inspect(?:-brk|-wait)?$/.test(word)) &&
    !words.some((word) => /^--inspect(?:-\w+)?=|^--inspect-port$/.test(word));
}

/** A script of package.json as a package manager runs it. */
export interface ScriptCall {
  readonly script: string;
  /** The folder that the call names, in which the nearest package.json has the script. */
  readonly folder: string | undefined;
  /** Whether the script is that of a workspace, which the call names. */
  readonly isOfWorkspace: boolean;
  /** Whether words for the script stand behind `--`. */
  readonly takesDashes: boolean;
  /** Words of the call that go to the script already. */
  readonly more: readonly string[];
}

const MANAGER = /^(?:npm|pnpm|yarn|bun)$/;
/** What these managers do that is no script. */
const NO_SCRIPT =
  /^(?:exec|dlx|x|install|i|ci|add|remove|rm|create|init|why|list|ls|test|t|up|update|link|pack|publish|audit|config)$/;
/** Options of theirs that name a folder or a workspace in the word behind. */
const FOLDER = /^(?:--prefix|-C|--dir|--cwd)(?:=(.*))?$/;
const WORKSPACE = /^(?:--workspace|-w|--filter|-F)(?:=.*)?$/, WORKSPACES = /^(?:-r|--recursive|-ws|--workspaces)$/;

/** The script that `npm run dev`, `npm start`, `pnpm dev`, `yarn dev` or `bun run dev` runs; `undefined` where it is none. */
export function scriptOf([first = "", ...rest]: readonly string[]): ScriptCall | undefined {
  const manager = nameOf(first);
  if (!MANAGER.test(manager)) return undefined;
  const dashes = rest.indexOf("--"), end = dashes === -1 ? rest.length : dashes;
  const { words: [word = "", ...others], ...options } = withoutOptions(rest.slice(0, end));
  const isRun = word === "run" || word === "run-script";
  const [script, ...more] = isRun ? others : [word, ...others];
  const isShort = manager === "npm" ? /^(?:start|test)$/.test(word) : !NO_SCRIPT.test(word);
  if (script === undefined || script === "" || !(isRun || isShort)) return undefined;
  return { script, ...options, takesDashes: manager === "npm", more: [...more, ...rest.slice(end + 1)] };
}

/** The options in front of the script are the manager's; behind it they are the script's, but for those of workspaces. */
function withoutOptions(all: readonly string[]) {
  const words: string[] = [];
  let folder: string | undefined, isOfWorkspace = false;
  for (let at = 0; at < all.length; at++) {
    const word = all[at]!, [isFolder, path] = FOLDER.exec(word) ?? [], isWorkspace = WORKSPACE.test(word);
    const isInFront = words.every((word) => word === "run" || word === "run-script");
    if (isWorkspace || WORKSPACES.test(word)) isOfWorkspace = true;
    else if (isFolder !== undefined && isInFront) folder = path ?? all[at + 1];
    else if (!isInFront || !word.startsWith("-")) words.push(word);
    if ((isWorkspace || (isFolder !== undefined && isInFront)) && !word.includes("=")) at++;
  }
  return { words, folder, isOfWorkspace };
}

/**
 * The words of a script's last command; `undefined` where it is more than words, has its own port by a variable of the
 * shell or of cmd.exe, or ends with a comment, which would swallow what is added.
 */
export function lastCommandOf(script: string): readonly string[] | undefined {
  const last = script.split(/&&|;|\|\|/).at(-1)!.trim();
  return /["'`$|<>()&\\*#\n\r]|%\w+%/.test(last) || last === "" ? undefined : last.split(/\s+/);
}
