/** Recognising the dev server that a command starts, also behind launchers and scripts of package.json. Pure. */
import type { Framework } from "./framework.ts";
import { FRAMEWORKS } from "./frameworks.ts";

/** A command whose server was recognised. */
export interface Recognised {
  readonly framework: Framework;
  /** Whether the command has a port of its own already. */
  readonly hasPort: boolean;
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
  return framework && { framework, hasPort: rest.some((word) => framework.own.test(word)) };
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

/** A script of package.json as a package manager runs it. */
export interface ScriptCall {
  readonly script: string;
  /** Whether words for the script stand behind `--`. */
  readonly takesDashes: boolean;
  /** Words of the call that go to the script already. */
  readonly more: readonly string[];
}

/** The script that `npm run dev`, `npm start`, `pnpm dev`, `yarn dev` or `bun run dev` runs; `undefined` where it is none. */
export function scriptOf(words: readonly string[]): ScriptCall | undefined {
  const [first = "", ...rest] = words, manager = nameOf(first);
  if (!/^(?:npm|pnpm|yarn|bun)$/.test(manager)) return undefined;
  const [word = "", ...more] = rest;
  const isRun = word === "run" || word === "run-script";
  const script = isRun ? more[0] : manager !== "npm" || /^(?:start|test)$/.test(word) ? word : undefined;
  if (script === undefined || script === "" || script.startsWith("-")) return undefined;
  if (!isRun && /^(?:exec|dlx|x|install|i|add|remove|create|init|why|list|test)$/.test(script)) return undefined;
  const behind = isRun ? more.slice(1) : more;
  return { script, takesDashes: manager === "npm", more: behind.filter((word) => word !== "--") };
}

/** The words of a script's last command; `undefined` where it is more than words, or has its own port by a variable. */
export function lastCommandOf(script: string): readonly string[] | undefined {
  const last = script.split(/&&|;|\|\|/).at(-1)!.trim();
  return /["'`$|<>()&\\*]/.test(last) || last === "" ? undefined : last.split(/\s+/);
}
