/**
 * Whether another user may change what a service of the system runs, reads or writes: that user would then have the
 * rights of root. One check for all systems; unix_files.ts and windows/inspected_files.ts know who may change a file.
 */
import type { Files } from "./files.ts";
import { flagValue, type ServiceDefinition } from "./service.ts";

/**
 * What a path is to the service: a file, or a folder of files, that it runs or reads; the folder of a program, where an
 * added library may be loaded instead of another; a folder further up, which may be renamed with all that is in it.
 */
export type PathRole = "file" | "folder" | "ancestor";

/** The files of a system, and who may change them. Paths are absolute. */
export interface InspectedFiles extends Files {
  /** The path that a word of a command line names, in its plain form; `undefined` where it names none. */
  pathOf(word: string): string | undefined;
  /** The folders above a path, the nearest first. */
  ancestorsOf(path: string): readonly string[];
  /** The path of a name in a folder. */
  join(folder: string, name: string): string;
  /** Why a path is not safe: `user 1000 may change /opt/portd`. */
  objectionTo(path: string, role: PathRole): string | undefined;
  /** Why the service cannot have this state folder, which is there, apart from where it is. */
  objectionToState(folder: string): string | undefined;
  /** What to do about a program with an unsafe path. */
  adviceFor(path: string): string;
}

/** Options of {@linkcode refuseUnsafe}. */
export interface InspectionOptions {
  readonly files: InspectedFiles;
  /** The folder in which Deno keeps modules; it counts only where Deno runs portd's sources. */
  readonly denoDir: string | undefined;
}

/** What lies beside main.ts and is loaded with it. */
const SOURCES = ["deno.json", "deno.lock", "routes", "src"];

/**
 * Inspects the program, the configuration, Deno's modules and the state folder, each with the folders above it and what
 * links lead to.
 *
 * @throws {Error} naming the path that another user may change.
 */
export function refuseUnsafe(
  { self, words, stateDir }: ServiceDefinition,
  { files, denoDir }: InspectionOptions,
): void {
  refuseProgram(self, { files, denoDir });
  const config = flagValue(words, "--config");
  if (config !== undefined) refuseConfiguration(config, files);
  refuseState(stateDir, files);
}

interface InspectedPath {
  readonly path: string;
  readonly role: PathRole;
}

function refuseProgram(self: readonly string[], { files, denoDir }: InspectionOptions): void {
  const words = self.flatMap((word) => files.pathOf(word) ?? []);
  const programs = [...new Set(words)].filter((path) => files.kindOf(path) !== undefined);
  const main = programs.at(-1) ?? self[0]!;
  const paths = programs.flatMap((path) => withAncestors(path, "folder", files));
  if (self.length > 1) paths.push(...sourcesOf(main, files));
  const unsafe = findUnsafe(paths, files);
  const cannot = `Cannot install ${main} as a service of the system`;
  if (unsafe !== undefined) throw new Error(`${cannot}: ${unsafe.objection}; ${files.adviceFor(unsafe.path)}`);
  const unsafeModules = self.length > 1 ? findUnsafe(modulesIn(denoDir, files), files) : undefined;
  if (unsafeModules === undefined) return;
  const advice = "set HOME or DENO_DIR to a folder that only administrators may change (sudo -H sets HOME)";
  throw new Error(`${cannot}: ${unsafeModules.objection}, and Deno keeps its modules in ${denoDir}; ${advice}`);
}

function refuseConfiguration(config: string, files: InspectedFiles): void {
  const unsafe = findUnsafe(withAncestors(files.pathOf(config) ?? config, "ancestor", files), files);
  if (unsafe === undefined) return;
  throw new Error(
    `Cannot install a service with the configuration ${config}: ${unsafe.objection}; ` +
      "let only administrators change it, or use config.yaml of the state folder",
  );
}

function refuseState(stateDir: string, files: InspectedFiles): void {
  const path = files.pathOf(stateDir) ?? stateDir;
  const isThere = files.kindOf(path) !== undefined;
  const unsafe = findUnsafe(existingAbove(path, isThere, files), files);
  const objection = unsafe?.objection ?? (isThere ? files.objectionToState(path) : undefined);
  if (objection === undefined) return;
  const advice = unsafe === undefined ? "" : "; leave --state-dir out, or name another folder";
  throw new Error(`Cannot install a service with the state folder ${stateDir}: ${objection}${advice}`);
}

function findUnsafe(paths: readonly InspectedPath[], files: InspectedFiles) {
  for (const { path, role } of new Map(paths.map((each) => [`${each.role} ${each.path}`, each])).values()) {
    const objection = files.objectionTo(path, role);
    if (objection !== undefined) return { path, objection };
  }
  return undefined;
}

/** A path, what it leads to where it is a link, and the folders above both. @param parent is the nearest one's role. */
function withAncestors(path: string, parent: "folder" | "ancestor", files: InspectedFiles): InspectedPath[] {
  return [path, files.realPath(path)].flatMap((each) => {
    const above = files.ancestorsOf(each).map((folder, i) => ({ path: folder, role: i === 0 ? parent : "ancestor" }));
    return [{ path: each, role: "file" }, ...above] as InspectedPath[];
  });
}

/** The folders above a path that are there, and those that they lead to. */
function existingAbove(path: string, isThere: boolean, files: InspectedFiles): InspectedPath[] {
  const above = files.ancestorsOf(path).filter((folder) => files.kindOf(folder) !== undefined);
  const deepest = isThere ? path : above[0];
  const real = deepest === undefined ? [] : [files.realPath(deepest)];
  const folders = [...above, ...(isThere ? [] : real), ...real.flatMap((each) => files.ancestorsOf(each))];
  return folders.map((folder) => ({ path: folder, role: "ancestor" }));
}

function sourcesOf(main: string, files: InspectedFiles): InspectedPath[] {
  const [folder = ""] = files.ancestorsOf(main);
  // What `deno task install` has made: the folder is portd's own, and all of it is loaded.
  if (main.endsWith(".js")) return treeOf(folder, files);
  return SOURCES.flatMap((name) => treeOf(files.join(folder, name), files));
}

function modulesIn(denoDir: string | undefined, files: InspectedFiles): InspectedPath[] {
  if (denoDir === undefined || files.kindOf(denoDir) === undefined) return [];
  return [...withAncestors(denoDir, "ancestor", files), ...treeOf(files.realPath(denoDir), files)];
}

/** A path with all that is in it, if it is there. */
function treeOf(path: string, files: InspectedFiles, kind = files.kindOf(path)): InspectedPath[] {
  if (kind === undefined) return [];
  if (kind === "file") return [{ path, role: "file" }];
  if (kind === "link") return withAncestors(path, "folder", files);
  const below = files.entries(path).flatMap(({ name, kind }) => treeOf(files.join(path, name), files, kind));
  return [{ path, role: "folder" }, ...below];
}
