/** Paths of Windows. Pure. */
import { win32 } from "node:path";

/** The folders above a path up to the root of its drive, the nearest first. */
export function ancestorsOf(path: string): string[] {
  const folders: string[] = [];
  for (let folder = folderOf(path), below = path; folder !== below; below = folder, folder = folderOf(folder)) {
    folders.push(folder);
  }
  return folders;
}

/** The folder in which a path lies; that of a root is itself. */
export function folderOf(path: string): string {
  if (isRoot(path)) return path;
  const folder = path.slice(0, path.lastIndexOf("\\"));
  return /^[A-Za-z]:$/.test(folder) ? `${folder}\\` : folder;
}

/** Whether a path is the root of a drive, or the name of another machine. */
export function isRoot(path: string): boolean {
  return /^[A-Za-z]:\\$/.test(path) || !path.slice(2).includes("\\");
}

/** `file:///C:/portd/main.ts` as `C:\portd\main.ts`, an absolute path in its plain form; any other word as it is. */
export function pathOfWord(word: string): string {
  if (word.startsWith("file:///")) return plainPath(decodeURIComponent(new URL(word).pathname.slice(1)));
  const path = plainPath(word);
  return isAbsolute(path) ? path : word;
}

/** A path with backslashes only, without `..`, and without a backslash at its end unless it is a root. */
export function plainPath(path: string): string {
  const plain = win32.normalize(path);
  return isRoot(plain) ? plain : plain.replace(/\\$/, "");
}

/** Whether a word is a path that means the same in every folder. */
export function isAbsolute(word: string): boolean {
  return /^(?:[A-Za-z]:|\\)\\/.test(word);
}
