/** Who may change a file of Windows, by its owner and its access list. */
import type { InspectedFiles, PathRole } from "../inspect.ts";
import { whoMayChange } from "./access.ts";
import type { FilesWithAcl, TrustOptions } from "./acl.ts";
import { ancestorsOf, isRoot, pathOfWord } from "./paths.ts";
import { findForeignState } from "./state_acl.ts";

/** Where portd belongs. */
const HOME = "C:\\Program Files\\portd";

/** The files of a Windows machine. @param options are as of {@linkcode FilesWithAcl.trusted}. */
export function inspectedFiles(files: FilesWithAcl, options: TrustOptions = {}): InspectedFiles {
  const trusted = files.trusted(options);
  return {
    kindOf: (path) => files.kindOf(path),
    entries: (folder) => files.entries(folder),
    realPath: (path) => files.realPath(path),
    pathOf: pathOfWord,
    ancestorsOf,
    join: (folder, name) => folder.endsWith("\\") ? folder + name : `${folder}\\${name}`,
    objectionTo(path: string, role: PathRole): string | undefined {
      if (path.startsWith("\\\\")) return `${path} is on another machine`;
      const isDrive = role === "ancestor" && isRoot(path);
      const [sid] = whoMayChange(files.read(path), isDrive ? "root" : role, trusted);
      return sid === undefined ? undefined : `${files.nameOf(sid)} may change ${path}`;
    },
    objectionToState: (folder) => findForeignState(folder, files),
    adviceFor,
  };
}

/** A file that was moved there, and not copied, still belongs to its former owner. */
function adviceFor(path: string): string {
  const isAtHome = `${path}\\`.toLowerCase().startsWith(`${HOME}\\`.toLowerCase());
  if (!isAtHome) return `copy portd to ${HOME} and install it from there`;
  return `take it from others with: takeown.exe /A /F "${path}", and: icacls.exe "${path}" /reset`;
}
