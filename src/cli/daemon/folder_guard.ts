/** Who may open a state folder on Windows, where Deno knows neither owner nor mode. */
import type { ClaimFolder } from "../../state/claimed_folder.ts";

/** What closes the folder to other users, on Windows; `undefined` elsewhere, where mode and owner do. */
export async function folderGuard(): Promise<ClaimFolder | undefined> {
  if (Deno.build.os !== "windows") return undefined;
  const { claimUserFolder }: typeof import("../../service/windows/user_folder.ts") = await import(
    "../../service/windows/user_folder.ts" as string
  );
  return claimUserFolder;
}
