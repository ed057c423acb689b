/**
 * What runs as LocalSystem must be for nobody else to change: the program, the folders on its way, and, where portd
 * runs from source, all that it is read from.
 */
import { whoMayChange } from "./access.ts";
import type { Acl } from "./acl.ts";
import type { Files } from "./files.ts";
import { folderOf, isAbsolute, pathOfWord, type ProgramPath, waysTo } from "./paths.ts";

/** What {@linkcode refuseChangeable} looks at. */
export interface ProgramPaths {
  /** The file that is portd. */
  readonly program: string;
  readonly paths: readonly ProgramPath[];
}

/** Where portd belongs. */
const HOME = "C:\\Program Files\\portd";
/** What lies beside main.ts and is run. */
const SOURCES = ["deno.json", "deno.lock", "src", "routes"];
/** What in the folder of Deno's cache is run. */
const CACHED = ["npm", "gen", "remote"];

/** @throws {Error} when somebody who is not trusted may change what would run. */
export function refuseChangeable({ program, paths }: ProgramPaths, acl: Acl): void {
  const trusted = acl.trusted();
  for (const { path, role } of paths) {
    const reason = path.startsWith("\\\\") ? `${path} is on another machine` : undefined;
    const [sid] = reason === undefined ? whoMayChange(acl.read(path), role, trusted) : [];
    if (reason === undefined && sid === undefined) continue;
    const why = reason ?? `${acl.nameOf(sid!)} can change ${path}, and so what would run as LocalSystem`;
    throw new Error(`Cannot install ${program} as a service: ${why}; ${adviceFor(path)}`);
  }
}

/** What was moved there, instead of copied, is still whose it was. */
function adviceFor(path: string): string {
  const isAtHome = `${path}\\`.toLowerCase().startsWith(`${HOME}\\`.toLowerCase());
  if (!isAtHome) return `copy portd to ${HOME} and install it from there`;
  return `take it from others with: takeown.exe /A /F "${path}", and: icacls.exe "${path}" /reset`;
}

/** Options of {@linkcode findProgramPaths}. */
export interface ProgramOptions {
  readonly files: Files;
  /** The folder of Deno's cache, where it is used. */
  readonly cache: string | undefined;
}

/**
 * The paths that make up a program.
 *
 * @param self the words that start it: a program, or Deno with words and the path or the address of main.ts.
 */
export function findProgramPaths(
  self: readonly [string, ...string[]],
  { files, cache }: ProgramOptions,
): ProgramPaths {
  const programs = [...new Set(self.map(pathOfWord))].filter((path) => isAbsolute(path) && files.kindOf(path));
  const main = programs.length > 1 ? programs.at(-1)! : undefined;
  const cached = cache === undefined
    ? []
    : CACHED.map((name) => `${cache}\\${name}`).filter((path) => files.kindOf(path));
  // By every way that leads there: a link may be changed, and what it leads to.
  const ways = [...programs, ...cached].flatMap((path) => [path, files.realPath(path)]).flatMap(waysTo);
  const sources = main === undefined ? [] : SOURCES.flatMap((name) => treeOf(`${folderOf(main)}\\${name}`, files));
  const all = new Map([...ways, ...sources].map((path) => [`${path.role} ${path.path}`, path]));
  return { program: programs.at(-1) ?? self[0], paths: [...all.values()] };
}

/** A path with all that is in it, if it is there. */
function treeOf(path: string, files: Files): ProgramPath[] {
  const kind = files.kindOf(path);
  if (kind === undefined) return [];
  if (kind === "link") return [path, files.realPath(path)].map((way): ProgramPath => ({ path: way, role: "file" }));
  if (kind === "file") return [{ path, role: "file" }];
  return [{ path, role: "folder" }, ...files.entries(path).flatMap((name) => treeOf(`${path}\\${name}`, files))];
}
