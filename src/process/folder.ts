/** Comparing the working folders of processes. Paths are absolute and without symbolic links. Pure. */

/** The working folders of the system's services. */
const SYSTEM_FOLDERS = /^(?:\/|[a-z]:\\?|[a-z]:\\windows(?:\\system32)?)$/;

const WINDOWS = /^(?:[a-z]:[\\/]|\\\\)/i;

/** Whether a path is absolute, on Unix or on Windows. */
export function isAbsolute(folder: string): boolean {
  return folder.startsWith("/") || WINDOWS.test(folder);
}

/** The one spelling of a folder: Windows accepts `/` for `\\` and ignores case. */
export function folderKey(folder: string): string {
  const isWindows = WINDOWS.test(folder);
  const key = isWindows ? folder.replaceAll("/", "\\").toLowerCase() : folder;
  return key.length > 1 ? key.replace(isWindows ? /\\+$/ : /\/+$/, "") || "/" : key;
}

/** The keys of a folder and of all folders above it, the folder itself first. */
export function upwardKeys(folder: string): readonly string[] {
  const key = folderKey(folder), separator = key.startsWith("/") ? "/" : "\\";
  const keys = [key];
  for (let end = key.lastIndexOf(separator); end > 0; end = key.lastIndexOf(separator, end - 1)) {
    keys.push(key.slice(0, end));
  }
  return separator === "/" && key !== "/" ? [...keys, "/"] : keys;
}

/** Whether a folder is that of the system's services, and says nothing about the project of a process. */
export function isSystemFolder(folder: string): boolean {
  return SYSTEM_FOLDERS.test(folderKey(folder));
}
