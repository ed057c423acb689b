/** This checkout, to be copied into machines in namespaces. */
import { testCacheFolder } from "./cache.ts";
import { runTool } from "./tool.ts";

/** Its folder, with a slash at its end. */
export const CHECKOUT = new URL("../../../", import.meta.url).pathname;

/** The parts of it that a running portd and its tests need. */
export const SOURCES: readonly string[] = ["deno.json", "deno.lock", "main.ts", "src", "routes", "tests"];

/** Fetches the packages of the project. @returns their folder, which is to be `npm` in a DENO_DIR. */
export async function fetchPackages(): Promise<string> {
  const folder = `${testCacheFolder()}/deno_dir`;
  const env = { ...Deno.env.toObject(), DENO_DIR: folder };
  await runTool(Deno.execPath(), ["cache", "--quiet", "--frozen", "main.ts"], { cwd: CHECKOUT, env });
  return `${folder}/npm`;
}

/** The registry of the packages: their places in the folder depend on it. */
export async function npmRegistryAddress(): Promise<string> {
  return (await runTool("npm", ["config", "get", "registry"])).trim();
}
