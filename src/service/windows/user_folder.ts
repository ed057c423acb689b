/**
 * The state folder of a daemon on Windows, wherever it is: only the daemon's user, SYSTEM and Administrators may open it.
 * Outside of the user's profile, a folder would inherit that others may read the token in it.
 */
import { openAdvapi32, openAdvapi32Services } from "../../os/windows/advapi32.ts";
import { openKernel32 } from "../../os/windows/kernel32.ts";
import { foreignName, isOwnFile } from "../../state/state_folder.ts";
import { TRUSTED, whoMayOpen } from "./access.ts";
import { type FilesWithAcl, WindowsFiles } from "./acl.ts";
import { plainPath } from "./paths.ts";

/**
 * Makes the folder, or takes it from others.
 *
 * @throws {Error} when it, or a file of portd in it, belongs to somebody else or is a link; and when others may open it
 * and it holds what is not portd's.
 */
export function claimUserFolder(
  folder: string,
  files: FilesWithAcl = new WindowsFiles({
    advapi32: openAdvapi32(),
    services: openAdvapi32Services(),
    kernel32: openKernel32(),
  }),
): void {
  const path = plainPath(folder), user = files.user(), allowed = new Set([...TRUSTED, user]);
  if (files.kindOf(path) === undefined) return files.createPrivate(path, user);
  refuseForeign(path, { files, allowed, name: "it" });
  if (whoMayOpen(files.read(path), allowed).length > 0) {
    const foreign = foreignName(files.entries(path).map(({ name }) => name));
    if (foreign !== undefined) {
      throw new Error(`it holds ${foreign}, and other users may open it; name a folder of its own`);
    }
    files.makePrivate(path, user);
  }
  // After the folder was closed, as somebody may have put a file there until then.
  for (const { name } of files.entries(path)) {
    if (!isOwnFile(name) && name !== "config.yaml") continue;
    const file = `${path}\\${name}`;
    if (!refuseForeign(file, { files, allowed, name: `${name} in it` })) continue;
    if (whoMayOpen(files.read(file), allowed).length > 0) files.makePrivate(file, user);
  }
}

/** @returns whether it is still there. */
function refuseForeign(
  path: string,
  { files, allowed, name }: {
    readonly files: FilesWithAcl;
    readonly allowed: ReadonlySet<string>;
    readonly name: string;
  },
): boolean {
  const kind = files.kindOf(path);
  if (kind === undefined) return false;
  if (kind === "link") throw new Error(`${name} is a link; remove it`);
  const { owner } = files.read(path);
  if (owner !== null && allowed.has(owner)) return true;
  throw new Error(`${name} belongs to ${owner === null ? "nobody" : files.nameOf(owner)}; remove it`);
}
