/** What the OS knows of a command's processes: the dispatcher. */
import type { Kinship } from "./kinship.ts";

/**
 * Opens the view of processes.
 *
 * @param options.adopts whether this process adopts its orphaned descendants, where the OS lets it.
 * @returns `undefined` on Windows, which has no sessions and no signals to pass on.
 */
export async function openKinship({ adopts }: { readonly adopts: boolean }): Promise<Kinship | undefined> {
  const { os } = Deno.build;
  if (os !== "linux" && os !== "darwin") return undefined;
  const { openSystemKinship }: typeof import("./linux.ts") = await load(os);
  return openSystemKinship(adopts);
}

/** See main.ts for why the import chooses. */
function load(os: "linux" | "darwin") {
  return import(os === "linux" ? "./linux.ts" : "./darwin.ts");
}
