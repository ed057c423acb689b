/** This checkout, for machines in namespaces that have nothing of ours. */
import { testCacheFolder } from "./cache.ts";
import { runTool } from "./tool.ts";

/** Its folder, with a slash at its end. */
export const CHECKOUT = new URL("../../../", import.meta.url).pathname;

/** What of it a running portd and its tests are read from. */
export const SOURCES: readonly string[] = ["deno.json", "deno.lock", "main.ts", "src", "routes", "tests"];

/** Fetches the packages of the project, and answers the folder of them, which belongs below DENO_DIR as `npm`. */
export async function fetchPackages(): Promise<string> {
  const folder = `${testCacheFolder()}/deno_dir`;
  const env = { ...Deno.env.toObject(), DENO_DIR: folder };
  await runTool(Deno.execPath(), ["cache", "--quiet", "--frozen", "main.ts"], { cwd: CHECKOUT, env });
  return `${folder}/npm`;
}

/** Where the packages come from: part of where they are found in the folder. */
export async function npmRegistryAddress(): Promise<string> {
  return (await runTool("npm", ["config", "get", "registry"])).trim();
}
