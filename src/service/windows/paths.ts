/** Paths of Windows. Pure. */
import { win32 } from "node:path";

/** The folders above a path up to the root of its drive, the nearest first. */
export function ancestorsOf(path: string): string[] {
  const folder = folderOf(path);
  return folder === path ? [] : [folder, ...ancestorsOf(folder)];
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

/** An absolute path, or `file:///C:/portd/main.ts`, as a path in its plain form; `undefined` for any other word. */
export function pathOfWord(word: string): string | undefined {
  const path = plainPath(word.startsWith("file:///") ? decodeURIComponent(new URL(word).pathname.slice(1)) : word);
  return /^(?:[A-Za-z]:|\\)\\/.test(path) ? path : undefined;
}

/** A path with backslashes only, without `..`, and without a backslash at its end unless it is a root. */
export function plainPath(path: string): string {
  const plain = win32.normalize(path);
  return isRoot(plain) ? plain : plain.replace(/\\$/, "");
}
