/** Builds the library of firewall_com_server.c, which replaces the firewall's COM classes under Wine. */
import { digestOf, obtainFolder } from "./cache.ts";
import { type Requirement, tools } from "./requirement.ts";
import { runTool } from "./tool.ts";

/** Makes programs of Windows. */
export const COMPILER = "x86_64-w64-mingw32-gcc";
const SOURCE = new URL("firewall_com_server.c", import.meta.url).pathname;
/** The name of the library. */
export const COM_SERVER = "firewall_com_server.dll";
const FLAGS = ["-Wall", "-Werror", "-O1", "-s", "-shared"];
const LIBRARIES = ["-lole32", "-loleaut32", "-luuid", "-ladvapi32"];

/** What a test needs that builds it. */
export const MINGW: Requirement = tools(COMPILER);

/** Answers the path of the library; builds it when its source is new. */
export async function obtainComServer(): Promise<string> {
  const folder = await obtainFolder(`firewall-com-${await digestOf(SOURCE)}`, async (folder) => {
    await runTool(COMPILER, [...FLAGS, "-o", `${folder}/${COM_SERVER}`, SOURCE, ...LIBRARIES]);
  });
  return `${folder}/${COM_SERVER}`;
}
