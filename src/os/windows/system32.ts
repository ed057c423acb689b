/** Where Windows keeps its own libraries. */

/**
 * The absolute path of a library of the system: a bare name would also be looked for beside the program and in the
 * current folder, where somebody else may have put one.
 */
export function system32(library: string): string {
  return `${Deno.env.get("SystemRoot") ?? "C:\\Windows"}\\System32\\${library}`;
}
