/**
 * Files of Linux and macOS: who may change them, by owner and mode (groups are left to the administrator); and the one
 * that defines the service.
 */
import { basename, dirname } from "node:path/posix";
import { ifThereAsync, messageOf } from "../errors.ts";
import { refuseShared } from "../state/claimed_folder.ts";
import { Files } from "./files.ts";
import type { InspectedFiles, refuseUnsafe } from "./inspect.ts";
import type { ServiceOptions, Step } from "./service.ts";

/** What the service controls of Linux and macOS are made with. */
export interface UnixServiceOptions extends Omit<ServiceOptions, "os"> {
  /** Of this process. */
  readonly uid: number;
  /** The folder that the system sees as `/`, without a slash at its end. @default "" */
  readonly root?: string;
  /** Refuses what another user may change. @default refuseUnsafe */
  readonly inspect?: typeof refuseUnsafe;
}

/** The files of this machine. */
export class UnixFiles extends Files implements InspectedFiles {
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

/** A text file; `undefined` where there is none. */
export async function readText(path: string): Promise<string | undefined> {
  return await ifThereAsync(() => Deno.readTextFile(path));
}

/** Replaces a file at once, so that the system never reads a part of it. Only its owner can write it. */
export function writeStep(path: string, text: string): Step {
  const run = async () => {
    const draft = `${dirname(path)}/.${basename(path)}.${Deno.pid}`;
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await Deno.writeTextFile(draft, text);
    await Deno.chmod(draft, 0o644);
    await Deno.rename(draft, path);
  };
  return { does: `write ${path}`, text, run };
}

/** Removes a file. */
export function removeStep(path: string): Step {
  return { does: `remove ${path}`, run: () => Deno.remove(path) };
}
