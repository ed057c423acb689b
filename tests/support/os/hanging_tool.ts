/** Builds hanging_tool.c, which stands in for a tool of Windows that does not answer. */
import { digestOf, obtainFolder } from "./cache.ts";
import { COMPILER } from "./firewall_com_server.ts";
import { runTool } from "./tool.ts";

const SOURCE = new URL("hanging_tool.c", import.meta.url).pathname;

/** Answers the path of the program; builds it when its source is new. */
export async function obtainHangingTool(): Promise<string> {
  const folder = await obtainFolder(`hanging-tool-${await digestOf(SOURCE)}`, async (folder) => {
    await runTool(COMPILER, ["-Wall", "-Werror", "-O1", "-s", "-o", `${folder}/tool.exe`, SOURCE]);
  });
  return `${folder}/tool.exe`;
}
