/** Paths of Windows, and what they are to a program. Pure. */
import { win32 } from "node:path";
import type { PathRole } from "./access.ts";

/** A path with what it is to the program. */
export interface ProgramPath {
  readonly path: string;
  readonly role: PathRole;
}

/** A path with the folders on its way, each with what it is to a program that lies there. */
export function waysTo(path: string): ProgramPath[] {
  const ways: ProgramPath[] = [{ path, role: "file" }];
  for (let folder = folderOf(path), below = path; folder !== below; below = folder, folder = folderOf(folder)) {
    ways.push({ path: folder, role: ways.length === 1 ? "folder" : isRoot(folder) ? "root" : "ancestor" });
  }
  return ways;
}

/** The folder in which a path lies; that of a root is itself. */
export function folderOf(path: string): string {
  if (isRoot(path)) return path;
  const folder = path.slice(0, path.lastIndexOf("\\"));
  return /^[A-Za-z]:$/.test(folder) ? `${folder}\\` : folder;
}

function isRoot(path: string): boolean {
  return /^[A-Za-z]:\\$/.test(path) || !path.slice(2).includes("\\");
}

/** `file:///C:/portd/main.ts` as `C:\portd\main.ts`; any other word that is a path in its plain form. */
export function pathOfWord(word: string): string {
  if (word.startsWith("file:///")) return plainPath(decodeURIComponent(new URL(word).pathname.slice(1)));
  const path = plainPath(word);
  return isAbsolute(path) ? path : word;
}

/** A path with backslashes alone, without `..` and without one at its end, unless it is a root. */
export function plainPath(path: string): string {
  const plain = win32.normalize(path);
  return isRoot(plain) ? plain : plain.replace(/\\$/, "");
}

/** Whether a word is a path that is the same from everywhere. */
export function isAbsolute(word: string): boolean {
  return /^(?:[A-Za-z]:|\\)\\/.test(word);
}
