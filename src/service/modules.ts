/**
 * The modules of a service that Deno runs from source. The service never downloads: it may start without a network, its
 * module cache is not to be changed by root's daemon, and what a registry answers later is not what was looked at.
 */
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runProgram } from "../os/program.ts";
import { denoDirOf, moduleEnvironment } from "./deno_dir.ts";

/** Options of {@linkcode refuseMissingModules}. */
export interface ModulesOptions {
  readonly os: typeof Deno.build.os;
  /** Of this process. */
  readonly env: Readonly<Record<string, string>>;
}

const CACHED_ONLY = "--cached-only";
/** On a busy machine Deno needs some seconds to read all of portd. */
const TIMEOUT_MS = 120_000;
/** What a process of Windows needs besides. */
const WINDOWS_VARIABLES = ["SystemRoot", "windir", "SystemDrive", "TEMP", "TMP", "USERPROFILE"];
/** How Deno names a module that is missing. */
const MISSING = [/npm package '([^']+)'/, /npm package not found in cache: "([^"]+)"/, /not found in cache: "([^"]+)"/];

/** The words that start portd, for a service: `deno run` gets `--cached-only`. */
export function withoutDownloads(self: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const [program, command, ...words] = self;
  if (command !== "run" || words.includes(CACHED_ONLY)) return self;
  return [program, command, CACHED_ONLY, ...words];
}

/**
 * Has Deno load all of portd, also what is imported only when it is needed, with the module cache that the service will
 * see and without downloads. Nothing of it is run: importing a file of portd does nothing.
 *
 * @param self is the program and the words that start portd. A compiled or bundled portd has all of its modules.
 * @throws {Error} naming the module that is missing, and the command that fetches it.
 */
export async function refuseMissingModules(
  self: readonly [string, ...string[]],
  { os, env }: ModulesOptions,
): Promise<void> {
  const [deno] = self, main = self.at(-1)!;
  if (self.length === 1 || !main.startsWith("file:") || !main.endsWith(".ts")) return;
  const folder = dirname(fileURLToPath(main));
  const { code, stderr } = await runProgram([deno], ["run", CACHED_ONLY, "--no-check", "--no-prompt", "-"], {
    input: importsOf(folder, main),
    cwd: folder,
    env: { NO_COLOR: "1", ...systemVariables(os, env), ...moduleEnvironment(os, env) },
    timeoutMs: TIMEOUT_MS,
    intent: "check the modules of portd",
  });
  if (code === 0) return;
  const missing = MISSING.flatMap((pattern) => pattern.exec(stderr)?.[1] ?? [])[0];
  if (missing === undefined) throw new Error(`Cannot install a service from source: ${stderr.trim()}`);
  throw new Error(
    `Cannot install a service from source: ${missing} is not in Deno's module cache ${
      denoDirOf(os, env) ?? ""
    }, and a ` +
      `service never downloads; fetch it as this user, in ${folder}, with: ${deno} install --frozen`,
  );
}

/** A module that imports all of portd. */
function importsOf(folder: string, main: string): string {
  const files = ["src", "routes"].flatMap((name) => filesBelow(`${folder}/${name}`));
  return [main, ...files.map((file) => pathToFileURL(file).href)].map((url) => `import ${JSON.stringify(url)};\n`).join(
    "",
  );
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesBelow(path) : name.endsWith(".ts") ? [path] : [];
  });
}

function systemVariables(os: typeof Deno.build.os, env: Readonly<Record<string, string>>): Record<string, string> {
  if (os !== "windows") return {};
  return Object.fromEntries(WINDOWS_VARIABLES.flatMap((name) => env[name] ? [[name, env[name]]] : []));
}
