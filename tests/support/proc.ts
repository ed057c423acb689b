/** A machine's `/proc` from the files of tests/testdata. */
import { ifThere } from "../../src/errors.ts";

/** Reads as {@linkcode Procfs} does. @param machine is a folder of tests/testdata/linux that has what is in `/proc`. */
export function procOf(machine: string): { readonly read: (path: string) => string | undefined } {
  const folder = new URL(`../testdata/linux/${machine}`, import.meta.url).pathname;
  return { read: (path) => ifThere(() => Deno.readTextFileSync(path.replace(/^\/proc/, folder))) };
}
