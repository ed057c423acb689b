/** The files of this machine, as far as a service looks at them. */

/** What is at paths. */
export interface Files {
  /** What is there; `undefined` when nothing is. A junction of Windows is a link. */
  kindOf(path: string): "file" | "folder" | "link" | undefined;
  /** The names within a folder. */
  entries(folder: string): string[];
  /** The path without links. */
  realPath(path: string): string;
}

/** This machine. */
export class SystemFiles implements Files {
  kindOf(path: string): "file" | "folder" | "link" | undefined {
    try {
      const { isSymlink, isDirectory } = Deno.lstatSync(path);
      return isSymlink ? "link" : isDirectory ? "folder" : "file";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  entries(folder: string): string[] {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  }

  realPath(path: string): string {
    return Deno.realPathSync(path);
  }
}
