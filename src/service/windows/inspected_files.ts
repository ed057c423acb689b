/** Who may change a file of Windows, by its owner and its access list. */
import type { FileKind, FolderEntry } from "../files.ts";
import type { InspectedFiles, PathRole } from "../inspect.ts";
import { whoMayChange } from "./access.ts";
import { ancestorsOf, isAbsolute, isRoot, pathOfWord } from "./paths.ts";
import { type FilesWithAcl, findForeignState } from "./state_acl.ts";

/** Where portd belongs. */
const HOME = "C:\\Program Files\\portd";

/** The files of a Windows machine. */
export class WindowsInspectedFiles implements InspectedFiles {
  readonly #parts: FilesWithAcl;
  readonly #trusted: ReadonlySet<string>;

  constructor(parts: FilesWithAcl) {
    this.#parts = parts;
    this.#trusted = parts.acl.trusted();
  }

  kindOf(path: string): FileKind | undefined {
    return this.#parts.files.kindOf(path);
  }

  entries(folder: string): readonly FolderEntry[] {
    return this.#parts.files.entries(folder);
  }

  realPath(path: string): string {
    return this.#parts.files.realPath(path);
  }

  pathOf(word: string): string | undefined {
    const path = pathOfWord(word);
    return isAbsolute(path) ? path : undefined;
  }

  ancestorsOf(path: string): readonly string[] {
    return ancestorsOf(path);
  }

  join(folder: string, name: string): string {
    return folder.endsWith("\\") ? folder + name : `${folder}\\${name}`;
  }

  objectionTo(path: string, role: PathRole): string | undefined {
    if (path.startsWith("\\\\")) return `${path} is on another machine`;
    const { acl } = this.#parts;
    const isDrive = role === "ancestor" && isRoot(path);
    const [sid] = whoMayChange(acl.read(path), isDrive ? "root" : role, this.#trusted);
    return sid === undefined ? undefined : `${acl.nameOf(sid)} may change ${path}`;
  }

  objectionToState(folder: string): string | undefined {
    return findForeignState(folder, this.#parts);
  }

  /** A file that was moved there, and not copied, still belongs to its former owner. */
  adviceFor(path: string): string {
    const isAtHome = `${path}\\`.toLowerCase().startsWith(`${HOME}\\`.toLowerCase());
    if (!isAtHome) return `copy portd to ${HOME} and install it from there`;
    return `take it from others with: takeown.exe /A /F "${path}", and: icacls.exe "${path}" /reset`;
  }
}
