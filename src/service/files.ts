/** The files of this machine, as far as a service looks at them. */
import { ifThere } from "../errors.ts";

/** What is at a path. A junction of Windows is a link. */
export type FileKind = "file" | "folder" | "link";

/** A name within a folder, with what it is. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** What is at paths. */
export class Files {
  /** What is there; `undefined` when nothing is. */
  kindOf(path: string): FileKind | undefined {
    return ifThere(() => kindOf(Deno.lstatSync(path)));
  }

  /** What is in a folder. */
  entries(folder: string): readonly FolderEntry[] {
    return [...Deno.readDirSync(folder)].map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  }

  /** The path without links. */
  realPath(path: string): string {
    return Deno.realPathSync(path);
  }
}

function kindOf({ isSymlink, isDirectory }: Pick<Deno.FileInfo, "isSymlink" | "isDirectory">): FileKind {
  return isSymlink ? "link" : isDirectory ? "folder" : "file";
}
