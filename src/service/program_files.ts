/** Whether what is to run as root is root's alone: a service of the system is no way up for another user. */
import { refuseShared } from "../state/state_folder.ts";

/**
 * @param self are the words that start portd.
 * @param stateDir is absolute, and need not be there.
 * @param config is the configuration file, where one is named.
 * @throws {Error} naming the path when another user may change what would run as root, or where root would write.
 */
export function refuseUnsafe(self: readonly string[], stateDir: string, config?: string): void {
  refuseChangeable(self);
  for (const path of config === undefined ? [] : [config, Deno.realPathSync(config)].flatMap(waysTo)) {
    const who = whoMayChange(Deno.statSync(path));
    if (who === undefined) continue;
    throw new Error(
      `Cannot install a service with the configuration ${config}: ${who} may change ${path}, and so what root's portd ` +
        "does; make it root's, or use config.yaml of the state folder",
    );
  }
  const cannot = `Cannot install a service with the state folder ${stateDir}`;
  for (const path of waysTo(stateDir)) {
    const found = statIfThere(path);
    if (found === undefined) return;
    const who = whoMayChange(found);
    if (who === undefined) continue;
    const advice = "leave --state-dir out, or name a folder that is root's";
    throw new Error(`${cannot}: ${who} may change ${path}, and so where root would write; ${advice}`);
  }
  try {
    refuseShared(stateDir);
  } catch (error) {
    throw new Error(`${cannot}: ${(error as Error).message}`, { cause: error });
  }
}

function refuseChangeable(self: readonly string[]): void {
  for (const program of self.map(pathOf).filter((path) => path !== undefined)) {
    for (const path of new Set([program, Deno.realPathSync(program), ...partsOf(program)].flatMap(waysTo))) {
      const who = whoMayChange(Deno.statSync(path));
      if (who === undefined) continue;
      throw new Error(
        `Cannot install ${program} as a service of the system: ${who} may change ${path}, and so what would run as ` +
          "root; copy portd to /usr/local/bin, or use --user",
      );
    }
  }
}

/** What stands beside main.ts and is loaded with it. */
const SOURCES = ["deno.json", "deno.lock", "routes", "src"];

/** What is loaded besides the program: its sources where it is one, all that is in it where it is a folder of them. */
function partsOf(program: string): string[] {
  if (Deno.statSync(program).isDirectory) return filesBelow(program);
  if (!program.endsWith(".ts")) return [];
  const folder = program.slice(0, program.lastIndexOf("/"));
  const paths = SOURCES.map((name) => `${folder}/${name}`).filter((path) => statIfThere(path) !== undefined);
  return paths.flatMap((path) => [path, ...Deno.statSync(path).isDirectory ? filesBelow(path) : []]);
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory, isSymlink }) => {
    const path = `${folder}/${name}`;
    return [isSymlink ? Deno.realPathSync(path) : path, ...isDirectory ? filesBelow(path) : []];
  });
}

/** Who besides root may change a file or a folder. Groups are left to the administrator. Pure. */
export function whoMayChange({ uid, mode }: Pick<Deno.FileInfo, "uid" | "mode">): string | undefined {
  if (uid !== 0) return `user ${uid}`;
  const isWritable = (mode! & 0o002) !== 0, isSticky = (mode! & 0o1000) !== 0;
  return isWritable && !isSticky ? "everybody" : undefined;
}

/** A path and the folders on its way. Pure. */
export function waysTo(path: string): string[] {
  const names = path.split("/").slice(1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`);
}

/** A word of the command line that is a path, or the address of a file. */
function pathOf(word: string): string | undefined {
  if (word.startsWith("/")) return word;
  return word.startsWith("file:///") ? decodeURIComponent(new URL(word).pathname) : undefined;
}

function statIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
