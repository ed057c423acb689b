/** Builds stand_in_program.c: programs for Windows that stand in for compiled ones of portd. */
import { digestOf, obtainFolder } from "./cache.ts";
import { runTool } from "./tool.ts";

const COMPILER = "x86_64-w64-mingw32-gcc";
const SOURCE = new URL("stand_in_program.c", import.meta.url).pathname;

/** What a program is built with. */
export interface StandInOptions {
  /** The command line that it runs, with its own arguments behind. */
  readonly command: string;
  readonly version: string;
  /** Whether it ends at once instead, with exit code 3. @default false */
  readonly fails?: boolean;
}

/** Answers the path of the program `portd-VERSION.exe`; builds it when it is new. */
export async function obtainStandIn({ command, version, fails = false }: StandInOptions): Promise<string> {
  const macros = [`-DCOMMAND=L${JSON.stringify(command)}`, `-DVERSION="${version}"`, ...(fails ? ["-DFAILS"] : [])];
  const name = `portd-${version}.exe`;
  const key = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(macros.join("\n"))));
  const text = Array.from(key.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const folder = await obtainFolder(`stand-in-${await digestOf(SOURCE)}-${text}`, async (folder) => {
    await runTool(COMPILER, [
      "-Wall",
      "-Werror",
      "-O1",
      "-s",
      "-municode",
      ...macros,
      "-o",
      `${folder}/${name}`,
      SOURCE,
    ]);
  });
  return `${folder}/${name}`;
}
