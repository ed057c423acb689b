/**
 * Which project a folder belongs to. It reads a few small files and starts no process. The project is the first half of
 * a lease's name: two checkouts, and two worktrees of one checkout, are two projects. project_file.ts reads portd.yaml.
 */

/** A project: a folder on this disk, with a name. */
export interface Project {
  /** First half of the names of its leases: 1–200 of `A-Z a-z 0-9 . _ + @ - / ~`. */
  readonly name: string;
  /** Absolute folder: the checkout, the worktree, or where portd.yaml lies. */
  readonly root: string;
  /** Of a linked worktree: the main copy, whose folder is the git folder where the repository is bare. */
  readonly main?: { readonly name: string; readonly root: string };
}

/** What is asked of the disk. */
export interface ProjectFiles {
  /** What lies there; `undefined` where nothing does that we can look at. */
  kindOf(path: string): "file" | "folder" | undefined;
  /** The content of a text file; `undefined` where there is none that we can read. */
  read(path: string): string | undefined;
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
 * @param files is the disk. @default through Deno
 */
export function findProject(cwd: string, files: ProjectFiles = DENO_FILES): Project {
  for (const folder of upward(cwd)) {
    const found = checkoutAt(folder, files);
    if (found !== undefined) return found;
  }
  const root = upward(cwd).find((folder) => files.kindOf(`${folder}/${PROJECT_FILE}`) === "file") ?? cwd;
  return { name: cleanName(lastPart(root)), root };
}

/**
 * The portd.yaml of a folder of a project: the nearest one, not above the project's root. It looks once into each of
 * these folders.
 */
export function findProjectFile(cwd: string, { root }: Project): string | undefined {
  const folders = upward(cwd);
  const inside = folders.slice(0, folders.indexOf(root) + 1);
  return inside.map((folder) => `${folder === "/" ? "" : folder}/${PROJECT_FILE}`).find((path) =>
    DENO_FILES.kindOf(path) === "file"
  );
}

/** The name of a project whose plain name another checkout has: `shop` → `shop~1a2b3c`. */
export function distinctName({ name, root }: Project): string {
  const suffix = `~${shortHash(root)}`;
  return name.slice(0, LONGEST_NAME - suffix.length) + suffix;
}

/** Six hex digits, different for different texts, well enough for a name: FNV-1a over UTF-16, folded to 24 bits. */
export function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (((hash >>> 24) ^ hash) & 0xffffff).toString(16).padStart(6, "0");
}

/** The text as a lease may be named. Where that changes it, a hash is added: different texts stay different. */
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

function checkoutAt(folder: string, files: ProjectFiles): Project | undefined {
  const git = `${folder}/.git`;
  const kind = files.kindOf(git);
  if (kind === undefined) return undefined;
  if (kind === "folder") {
    return files.kindOf(`${git}/HEAD`) === "file" ? { name: cleanName(lastPart(folder)), root: folder } : undefined;
  }
  // .git is a file: a linked worktree, a submodule, or a checkout whose .git folder is elsewhere.
  const [, gitDir] = /^gitdir: (.+)$/m.exec(files.read(git) ?? "") ?? [];
  if (gitDir === undefined) return undefined;
  return worktreeAt(folder, resolvePath(folder, gitDir), files) ?? { name: cleanName(lastPart(folder)), root: folder };
}

/** The project of a linked worktree, `folder@branch`; `undefined` where it is none: only those have a `commondir`. */
function worktreeAt(root: string, gitDir: string, files: ProjectFiles): Project | undefined {
  const common = files.read(`${gitDir}/commondir`)?.trimEnd();
  if (common === undefined) return undefined;
  const commonDir = resolvePath(gitDir, common), name = mainFolder(commonDir);
  const mainRoot = lastPart(commonDir) === ".git" ? parentOf(commonDir) : commonDir;
  return {
    name: cleanName(`${name}@${branchOf(gitDir, files)}`),
    root,
    main: { name: cleanName(name), root: mainRoot },
  };
}

/** The branch of a checkout; outside of git, or without a branch, `undefined`. */
export function branchAt({ root }: Project, files: ProjectFiles = DENO_FILES): string | undefined {
  const git = `${root}/.git`, kind = files.kindOf(git);
  if (kind === undefined) return undefined;
  if (kind === "folder") return branchOf(git, files);
  const [, gitDir] = /^gitdir: (.+)$/m.exec(files.read(git) ?? "") ?? [];
  return gitDir === undefined ? undefined : branchOf(resolvePath(root, gitDir), files);
}

/** The name of the checkout of a git folder: `shop` for `shop/.git`, a bare `shop.git`, or `shop/.bare`. */
function mainFolder(commonDir: string): string {
  const name = lastPart(commonDir);
  return name.startsWith(".") ? lastPart(parentOf(commonDir)) : name.replace(/\.git$/, "");
}

function branchOf(gitDir: string, files: ProjectFiles): string {
  // While git rebases, HEAD is detached; the name of the worktree's project must not change then.
  for (const file of ["HEAD", "rebase-merge/head-name", "rebase-apply/head-name"]) {
    const [, branch] = /^(?:ref: )?refs\/heads\/(.+)$/.exec(files.read(`${gitDir}/${file}`)?.trimEnd() ?? "") ?? [];
    // The file says ".invalid" in a repository that keeps its branches as a reftable.
    if (branch !== undefined && branch !== ".invalid") return branch;
  }
  const [hash] = /^[0-9a-f]{40,64}$/.exec(files.read(`${gitDir}/HEAD`)?.trimEnd() ?? "") ?? [];
  return hash?.slice(0, HASH_NAME) ?? lastPart(gitDir);
}

const DENO_FILES: ProjectFiles = {
  kindOf(path) {
    const found = ifReadable(() => Deno.statSync(path));
    return found?.isFile ? "file" : found?.isDirectory ? "folder" : undefined;
  },
  read: (path) => ifReadable(() => Deno.readTextFileSync(path)),
};

/** What `look` returns; `undefined` where there is no such file, or none that we can read. */
function ifReadable<Found>(look: () => Found): Found | undefined {
  try {
    return look();
  } catch (error) {
    const { NotFound, PermissionDenied, NotADirectory, IsADirectory, FilesystemLoop } = Deno.errors;
    const types = [NotFound, PermissionDenied, NotADirectory, IsADirectory, FilesystemLoop];
    if (types.some((type) => error instanceof type)) return undefined;
    throw error;
  }
}

// node:path would make the start of the quick commands 6 ms longer.

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

/** Makes a path absolute, without `.` and `..`. @param base is absolute; with `/` at its start the paths are Unix's. */
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
  return root + parts.join(root.includes("\\") ? "\\" : "/");
}
