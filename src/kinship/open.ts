/** What the OS knows of a command's processes: the dispatcher. */
import type { Kinship, KinshipOptions } from "./kinship.ts";

/** Opens the view of processes. @returns `undefined` on Windows, which has no sessions and no signals to pass on. */
export async function openKinship(options: KinshipOptions): Promise<Kinship | undefined> {
  switch (Deno.build.os) {
    case "linux": {
      const linux: typeof import("./linux.ts") = await load("linux");
      return linux.openLinuxKinship(options);
    }
    case "darwin": {
      const darwin: typeof import("./darwin.ts") = await load("darwin");
      return darwin.openDarwinKinship();
    }
    default:
      return undefined;
  }
}

/** See main.ts for why the import chooses. */
function load(os: "linux" | "darwin") {
  return import(os === "linux" ? "./linux.ts" : "./darwin.ts");
}
