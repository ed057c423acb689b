/** A small disk of its own. */
import { runTool } from "./tool.ts";

/** A mounted tmpfs; disposing of it unmounts it. Nothing may use it any more then. */
export interface Tmpfs extends AsyncDisposable {
  /** Mounts it anew with other options: `size=64m`, `ro`, `rw`. */
  remount(options: string): Promise<void>;
}

/** Mounts a tmpfs on a folder, which is made where it is missing. */
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
