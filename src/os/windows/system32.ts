/** Where Windows keeps its own libraries and programs. */

/**
 * The absolute path of a library or a program of the system. Windows would also search the program's folder and the
 * current folder for a name without a path, and somebody else may have put a file there.
 */
export function system32(name: string): string {
  return `${Deno.env.get("SystemRoot") ?? "C:\\Windows"}\\System32\\${name}`;
}
