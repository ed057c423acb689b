/** When the program of this command was changed last. */

/**
 * The last change of its binary, or of its source, in wall-clock milliseconds; null where that is not known.
 *
 * @param self is the program and its first arguments.
 */
export function changedAt(self: readonly string[]): number | null {
  const [program = "", ...words] = self, main = words.at(-1) ?? "";
  if (main !== "" && !main.startsWith("file:")) return null;
  try {
    if (main === "") return timeOf(program);
    const folder = new URL(".", main);
    const times = ["src/", "routes/"].flatMap((name) => timesBelow(new URL(name, folder)));
    return Math.max(timeOf(new URL(main)), ...times);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}

function timeOf(path: string | URL): number {
  return Deno.statSync(path).mtime?.getTime() ?? 0;
}

function timesBelow(folder: URL): readonly number[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? timesBelow(new URL(`${encodeURIComponent(name)}/`, folder))
      : [timeOf(new URL(encodeURIComponent(name), folder))]
  );
}
