/** Small disks in memory. */
import { runTool } from "./tool.ts";

/** A mounted tmpfs; disposing of it unmounts it, and nothing may use it then. */
export interface Tmpfs extends AsyncDisposable {
  /** Changes its options: `size=64m`, `ro`, `rw`. */
  remount(options: string): Promise<void>;
}

/** Mounts a tmpfs on a folder, which is made if it is missing. */
export async function mountTmpfs(folder: string, size: string): Promise<Tmpfs> {
  await Deno.mkdir(folder, { recursive: true });
  await runTool("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", folder]);
  return {
    async remount(options) {
      await runTool("mount", ["-o", `remount,${options}`, folder]);
    },
    async [Symbol.asyncDispose]() {
      await runTool("umount", [folder]);
    },
  };
}
