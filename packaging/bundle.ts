/**
 * What compile.sh and install.ts have in common: portd as JavaScript without packages, in which every module that is
 * imported lazily stays a file of its own.
 */

import { fileURLToPath } from "node:url";

/** The checkout, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../", import.meta.url));

/**
 * The modules that main.ts and its parts import lazily. The bundler must be given them, because Deno resolves only such
 * imports as name one literal, and src/cli/ chooses among several in one import().
 *
 * @returns paths from the root of the checkout, sorted.
 */
export function lazyModules(): string[] {
  const lazy = new Set<string>();
  for (const path of ["main.ts", ...filesBelow("src", ".ts"), ...filesBelow("routes", ".ts")]) {
    for (const [, argument] of Deno.readTextFileSync(ROOT + path).matchAll(/\bimport\(([^()]*)\)/g)) {
      for (const [, target] of argument!.matchAll(/"(\.{1,2}\/[^"]+\.ts)"/g)) {
        lazy.add(new URL(target!, `file:///${path}`).pathname.slice(1));
      }
    }
  }
  return [...lazy].sort();
}

/** The files below a folder of the checkout whose names end in this way. */
function filesBelow(folder: string, ending: string, root = ROOT): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    return isDirectory ? filesBelow(path, ending, root) : name.endsWith(ending) ? [path] : [];
  });
}

/**
 * Spares every start of a bundle the `require` that the bundler makes by node:module. It costs 15 ms to load, and only a
 * few packages use it, to ask for built-in modules; those can be had without it.
 */
export function makeRequireLazy(folder: string): void {
  rewrite(folder, (text) =>
    text
      .replaceAll(/^import \{ createRequire as __deno_internal_createRequire \} from "node:module";\n/gm, "")
      .replaceAll("__deno_internal_createRequire(import.meta.url)", "(id) => globalThis.process.getBuiltinModule(id)"));
}

/**
 * Hides from `deno run` what is imported lazily: it loads whatever an `import("…")` names before the first line runs, and
 * does not see a name behind a call. (`deno compile` must see it: it embeds no other modules.)
 */
function hideLazyImports(folder: string): void {
  rewrite(folder, (text) => text.replaceAll(/\bimport\(("\.[^"]+\.js")\)/g, "import(String($1))"));
}

function rewrite(folder: string, change: (text: string) => string): void {
  for (const name of filesBelow("", ".js", `${folder}/`)) {
    const path = `${folder}/${name}`, text = Deno.readTextFileSync(path), changed = change(text);
    if (changed !== text) Deno.writeTextFileSync(path, changed);
  }
}

/**
 * Bundles portd into a folder for `deno run`, with exactly the packages of deno.lock.
 *
 * @throws {Error} with what the bundler says.
 */
export async function bundle(folder: string): Promise<void> {
  await runBundler(["--code-splitting", "--outdir", folder, "main.ts", ...lazyModules()]);
  makeRequireLazy(folder);
  hideLazyImports(folder);
}

/** Bundles the library for Node and Bun into a file, as the task `client` does. @throws {Error} with what is said. */
export async function bundleLibrary(path: string): Promise<void> {
  await runBundler(["--platform", "browser", "--output", path, "src/library/portd.ts"]);
}

async function runBundler(words: readonly string[]): Promise<void> {
  const args = ["bundle", "--quiet", "--frozen", ...words];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "null" }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot bundle portd: ${said}\nThe first time, deno bundle gets its esbuild from the npm registry.`);
}

/**
 * Writes the deno.json beside a bundle. Without this file Deno would look for one in the folders above, and find that of
 * another project.
 */
export async function writeConfig(folder: string): Promise<void> {
  const { unstable } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const config = { unstable, lock: false, nodeModulesDir: "none", workspace: [] };
  await Deno.writeTextFile(`${folder}/deno.json`, `${JSON.stringify(config, null, 2)}\n`);
}
