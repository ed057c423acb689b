/** Who may change a file of Linux or macOS, by its owner and its mode. Groups are left to the administrator. */
import { messageOf } from "../errors.ts";
import { refuseShared } from "../state/state_folder.ts";
import { SystemFiles } from "./files.ts";
import type { InspectedFiles } from "./inspect.ts";

/** The files of this machine. */
export class UnixFiles extends SystemFiles implements InspectedFiles {
  pathOf(word: string): string | undefined {
    if (word.startsWith("/")) return word;
    return word.startsWith("file:///") ? decodeURIComponent(new URL(word).pathname) : undefined;
  }

  /** Without the root folder, which is the system's. */
  ancestorsOf(path: string): readonly string[] {
    const names = path.split("/").slice(1, -1);
    return names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`).reverse();
  }

  join(folder: string, name: string): string {
    return `${folder}/${name}`;
  }

  objectionTo(path: string): string | undefined {
    const who = whoMayChange(Deno.statSync(path));
    return who === undefined ? undefined : `${who} may change ${path}`;
  }

  objectionToState(folder: string): string | undefined {
    const objection = this.objectionTo(folder);
    if (objection !== undefined) return `${objection}; name a folder that is root's`;
    try {
      refuseShared(folder);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  adviceFor(): string {
    return "copy portd to /usr/local/bin, or use --user";
  }
}

/** Who besides root may change a file or a folder. Pure. */
export function whoMayChange({ uid, mode }: Pick<Deno.FileInfo, "uid" | "mode">): string | undefined {
  if (uid !== 0) return `user ${uid}`;
  const isWritable = (mode! & 0o002) !== 0, isSticky = (mode! & 0o1000) !== 0;
  return isWritable && !isSticky ? "everybody" : undefined;
}
