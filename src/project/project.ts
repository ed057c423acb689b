/**
 * Which project a folder belongs to, by reading a few small files and starting no process. The project is the first
 * half of a lease's name: two checkouts, and two worktrees of one checkout, are two projects. src/project/project_file.ts
 * reads portd.yaml.
 */

/** A project, as it stands on this disk. */
export interface Project {
  /** First half of the names of its leases: 1–200 of `A-Z a-z 0-9 . _ + @ - / ~`. */
  readonly name: string;
  /** Absolute folder: the checkout, the worktree, or where portd.yaml lies. */
  readonly root: string;
}

/** Name of the file that lists a project's services. */
export const PROJECT_FILE = "portd.yaml";

const LONGEST_NAME = 200;
const HASH_NAME = "0123456".length;

/**
 * Finds the project of a folder. In a git checkout it is named after the checkout's folder, in a linked worktree
 * `<folder of the main checkout>@<branch>`; outside git after the nearest folder with a portd.yaml, else after the
 * folder itself.
 *
 * @param cwd is absolute.
 */
export function findProject(cwd: string): Project {
  for (const folder of upward(cwd)) {
    const found = checkoutAt(folder);
    if (found !== undefined) return found;
  }
  const root = upward(cwd).find((folder) => isFile(`${folder}/${PROJECT_FILE}`)) ?? cwd;
  return { name: cleanName(lastPart(root)), root };
}

/** The name of a project whose plain name another checkout has: `shop` → `shop~1a2b3c`. */
export function distinctName({ name, root }: Project): string {
  const suffix = `~${shortHash(root)}`;
  return name.slice(0, LONGEST_NAME - suffix.length) + suffix;
}

/** Six hex digits that tell texts apart well enough for a name: FNV-1a over UTF-16, folded to 24 bits. */
export function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (((hash >>> 24) ^ hash) & 0xffffff).toString(16).padStart(6, "0");
}

/** A text with which a lease may be named; where that takes a change, a hash keeps different texts different. */
export function cleanName(text: string): string {
  const clean = text.replaceAll(/[^A-Za-z0-9._+@~/-]/gu, "-");
  if (clean === text && text !== "" && text.length <= LONGEST_NAME) return text;
  const suffix = `-${shortHash(text)}`;
  return clean.slice(0, LONGEST_NAME - suffix.length) + suffix;
}

/** The environment variable for the port of a service: `my-web` → `MY_WEB_PORT`. */
export function portVariable(name: string): string {
  return `${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_").replace(/^\d/, "_$&")}_PORT`;
}

function checkoutAt(folder: string): Project | undefined {
  const git = `${folder}/.git`;
  const found = statOf(git);
  if (found === undefined) return undefined;
  if (found.isDirectory) {
    return isFile(`${git}/HEAD`) ? { name: cleanName(lastPart(folder)), root: folder } : undefined;
  }
  // A file in the place of the folder: a linked worktree, a submodule, or a checkout with its .git elsewhere.
  const [, gitDir] = /^gitdir: (.+)$/m.exec(readSmall(git) ?? "") ?? [];
  if (gitDir === undefined) return undefined;
  return { name: cleanName(worktreeName(resolvePath(folder, gitDir)) ?? lastPart(folder)), root: folder };
}

/** `folder@branch` for a linked worktree: only those have a `commondir`. */
function worktreeName(gitDir: string): string | undefined {
  const common = readSmall(`${gitDir}/commondir`);
  if (common === undefined) return undefined;
  return `${mainFolder(resolvePath(gitDir, common))}@${branchOf(gitDir)}`;
}

/** The name of the checkout that a git folder belongs to: `shop/.git`, a bare `shop.git`, or `shop/.bare`. */
function mainFolder(commonDir: string): string {
  const name = lastPart(commonDir);
  return name.startsWith(".") ? lastPart(parentOf(commonDir)) : name.replace(/\.git$/, "");
}

function branchOf(gitDir: string): string {
  // While git rebases, HEAD is detached; the worktree's project shall not change for that.
  const files = ["HEAD", "rebase-merge/head-name", "rebase-apply/head-name"];
  for (const file of files) {
    const [, branch] = /^(?:ref: )?refs\/heads\/(.+)$/.exec(readSmall(`${gitDir}/${file}`) ?? "") ?? [];
    // ".invalid" stands there in a repository whose branches are kept as a reftable.
    if (branch !== undefined && branch !== ".invalid") return branch;
  }
  const [hash] = /^[0-9a-f]{40,64}$/.exec(readSmall(`${gitDir}/HEAD`) ?? "") ?? [];
  return hash?.slice(0, HASH_NAME) ?? lastPart(gitDir);
}

/** A short text file without its last line end. @returns `undefined` where there is no such file. */
function readSmall(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trimEnd();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isFile(path: string): boolean {
  return statOf(path)?.isFile ?? false;
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Not there, a folder, below something that is no folder, or out of our reach: not ours to go by in any case. */
function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.IsADirectory ||
    error instanceof Deno.errors.FilesystemLoop;
}

// node:path would cost the hot commands 6 ms of start-up.

/** A folder and all above it, nearest first. */
export function upward(folder: string): string[] {
  const parent = parentOf(folder);
  return parent === folder ? [folder] : [folder, ...upward(parent)];
}

function parentOf(path: string): string {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  if (end === -1 || /^(?:[A-Za-z]:)?[\\/]$/.test(path)) return path;
  const parent = path.slice(0, end);
  return parent === "" || /^[A-Za-z]:$/.test(parent) ? path.slice(0, end + 1) : parent;
}

function lastPart(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== "") ?? "";
}

/** Makes a path absolute and takes `.` and `..` out of it. @param base is absolute, and tells whose paths these are. */
export function resolvePath(base: string, path: string): string {
  if (base.startsWith("/")) return join("/", (path.startsWith("/") ? path : `${base}/${path}`).split("/"));
  const isAbsolute = /^(?:[\\/]|[A-Za-z]:[\\/])/.test(path);
  const [, root = "", rest = ""] = /^((?:[A-Za-z]:)?[\\/]+)?(.*)$/s.exec(isAbsolute ? path : `${base}/${path}`)!;
  return join(root, rest.split(/[\\/]/));
}

function join(root: string, names: readonly string[]): string {
  const parts: string[] = [];
  for (const part of names) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const separator = root.includes("\\") ? "\\" : "/";
  return root + parts.join(separator);
}
