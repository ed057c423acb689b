/** What tests fetch or make once and keep. */
import { createHash } from "node:crypto";
import { runTool } from "./tool.ts";

/** The folder for it, in the user's cache folder. It may not exist yet. */
export function testCacheFolder(): string {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? (home === undefined ? "/var/tmp" : `${home}/.cache`);
  return `${cache}/portd-tests`;
}

/**
 * Answers a folder that is made once and kept. Tests that want it at the same time wait for the first of them.
 *
 * @param name is to be changed with anything that makes the content another.
 * @param make fills the folder, which exists; only after it has succeeded the folder is kept.
 */
export async function obtainFolder(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const path = `${testCacheFolder()}/${name}`;
  await Deno.mkdir(testCacheFolder(), { recursive: true });
  using lock = await Deno.open(`${path}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await isFolder(path)) return path;
  const scratch = await Deno.makeTempDir({ dir: testCacheFolder() });
  try {
    await Deno.mkdir(`${scratch}/made`);
    await make(`${scratch}/made`);
    await Deno.rename(`${scratch}/made`, path);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return path;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The sha256 of a file in hexadecimal. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
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
