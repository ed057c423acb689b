/** Builds the library of firewall_com_server.c, which stands in for the firewall's COM classes under Wine. */
import { digestOf, testCacheFolder } from "./cache.ts";
import { type Requirement, tools } from "./requirement.ts";
import { runTool } from "./tool.ts";

const COMPILER = "x86_64-w64-mingw32-gcc";
const SOURCE = new URL("firewall_com_server.c", import.meta.url).pathname;
/** The name that it has in every folder. */
export const COM_SERVER = "firewall_com_server.dll";
const FLAGS = ["-Wall", "-Werror", "-O1", "-s", "-shared"];
const LIBRARIES = ["-lole32", "-loleaut32", "-luuid", "-ladvapi32"];

/** What it takes to build it. */
export const MINGW: Requirement = tools(COMPILER);

/** Answers the path of the library; builds it when its source is new, and keeps it in the user's cache folder. */
export async function obtainComServer(): Promise<string> {
  const folder = `${testCacheFolder()}/firewall-${await digestOf(SOURCE)}`;
  const path = `${folder}/${COM_SERVER}`;
  if (await digestOf(path) !== undefined) return path;
  await Deno.mkdir(folder, { recursive: true });
  const scratch = await Deno.makeTempFile({ dir: folder, suffix: ".dll" });
  await runTool(COMPILER, [...FLAGS, "-o", scratch, SOURCE, ...LIBRARIES]);
  await Deno.rename(scratch, path);
  return path;
}
