/** The types of the library, as declarations for TypeScript. */
import { posix } from "node:path";
import { ROOT } from "../bundle.ts";
import { VERSION } from "../description.ts";
import { messageOf } from "../../src/errors.ts";

const LIBRARY = "src/library/portd.ts";

/** The library's own declaration among the files of {@linkcode libraryTypes}. */
export const LIBRARY_TYPES = "library/portd.d.ts";

/**
 * Declares the types of the library and of all that they name, by `deno pack`, in this folder, which is empty.
 *
 * @returns the declarations by their paths; each imports the others by relative paths.
 * @throws {Error} with what Deno says, or naming a declaration that is missing.
 */
export async function libraryTypes(folder: string): Promise<ReadonlyMap<string, string>> {
  const { compilerOptions } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const config = { name: "@portd/client", version: VERSION, exports: { "./client": `./${LIBRARY}` }, compilerOptions };
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
  await run("cp", ["-R", `${ROOT}src`, folder]);
  const pack = ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", `${folder}/types.tgz`];
  await run(Deno.execPath(), pack, folder);
  await run("tar", ["-xzf", `${folder}/types.tgz`, "-C", folder]);
  const found = new Map<string, string>();
  collect(`${folder}/package/src`, LIBRARY_TYPES, found);
  return found;
}

/** Adds a declaration, and all that it imports. */
function collect(folder: string, path: string, found: Map<string, string>): void {
  if (found.has(path)) return;
  const text = read(`${folder}/${path}`);
  found.set(path, text);
  for (const [, target] of text.matchAll(/(?:\bfrom|\bimport\()\s*"(\.[^"]+)\.js"/g)) {
    // An example in a comment may import too, but ends with .ts.
    collect(folder, posix.join(posix.dirname(path), `${target}.d.ts`), found);
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new Error(
      `Cannot declare the types of the library: ${messageOf(error)}; what it exports must name its types`,
    );
  }
}

async function run(program: string, args: readonly string[], cwd = ROOT): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], cwd, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot declare the types of the library: ${new TextDecoder().decode(stderr).trim()}`);
}
