/** What the figures were measured on. */

/** One line for people: runtime, system, load and the file system of the folder in which portd keeps its files. */
export function describeMachine(folder: string): string {
  const { deno, v8 } = Deno.version;
  const type = fileSystemOf(folder, Deno.readTextFileSync("/proc/self/mounts"));
  const load = Deno.loadavg()[0]!.toFixed(2);
  const words = [
    `Deno ${deno} (V8 ${v8})`,
    `${Deno.build.target}, ${navigator.hardwareConcurrency} processors, load ${load}`,
    `files on ${type}`,
  ];
  const warning = type === "tmpfs" ? "; nothing is durable on tmpfs: set TMPDIR to a folder on a disk" : "";
  return words.join("; ") + warning;
}

/** The type of the file system that holds a path. @param mounts text of `/proc/self/mounts`. */
export function fileSystemOf(path: string, mounts: string): string {
  let deepest = "", found = "unknown";
  for (const line of mounts.split("\n")) {
    const [, point = "", type = ""] = line.split(" ");
    const holds = path === point || path.startsWith(point.endsWith("/") ? point : `${point}/`);
    if (point !== "" && holds && point.length >= deepest.length) [deepest, found] = [point, type];
  }
  return found;
}
