/** Comparing the folders in which processes run. Paths are absolute and without symbolic links. Pure. */

/** Where services run that no folder belongs to. */
const NOBODYS = /^(?:\/|[a-z]:\\?|[a-z]:\\windows(?:\\system32)?)$/;

const WINDOWS = /^(?:[a-z]:[\\/]|\\\\)/i;

/** Whether a path says where it is on its own, on Unix or on Windows. */
export function isAbsolute(folder: string): boolean {
  return folder.startsWith("/") || WINDOWS.test(folder);
}

/** A folder in the form in which two spellings of it are equal: Windows' file systems take `/`, and either case. */
export function folderKey(folder: string): string {
  const isWindows = WINDOWS.test(folder);
  const key = isWindows ? folder.replaceAll("/", "\\").toLowerCase() : folder;
  return key.length > 1 ? key.replace(isWindows ? /\\+$/ : /\/+$/, "") || "/" : key;
}

/** The keys of a folder and of all above it, nearest first. */
export function upwardKeys(folder: string): readonly string[] {
  const key = folderKey(folder), separator = key.startsWith("/") ? "/" : "\\";
  const keys = [key];
  for (let end = key.lastIndexOf(separator); end > 0; end = key.lastIndexOf(separator, end - 1)) {
    keys.push(key.slice(0, end));
  }
  return separator === "/" && key !== "/" ? [...keys, "/"] : keys;
}

/** Whether a folder tells whose a process is: that of a service of the system does not. */
export function isTelling(folder: string): boolean {
  return !NOBODYS.test(folderKey(folder));
}
