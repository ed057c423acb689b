/** Writing portd's part into the files of a project for coding agents, and taking it out. */
import { type Agent, AGENT_FILES, type ProjectFacts } from "../../agent/agent_files.ts";
import { UnreadableFileError } from "../../agent/json_file.ts";
import { upward } from "../../project/project.ts";
import { FileTooLongError, readBounded } from "../../state/own_file.ts";

/** What becomes of a file. */
export interface FileChange {
  readonly path: string;
  readonly change: "made" | "changed" | "removed" | "unchanged" | "unreadable";
  /** Why it cannot be changed; null otherwise. */
  readonly reason: string | null;
}

/** Options of {@linkcode changeFiles}. */
export interface ChangeOptions {
  readonly root: string;
  readonly facts: ProjectFacts;
  readonly agents: readonly Agent[];
  /** Whether portd's part is put in, or taken out. */
  readonly isAdding: boolean;
  /** Whether nothing is written. */
  readonly isDry: boolean;
}

/** Changes the files, each whole or not at all. A file that cannot be read is left alone. */
export function changeFiles({ root, facts, agents, isAdding, isDry }: ChangeOptions): readonly FileChange[] {
  const files = AGENT_FILES.filter((file) => file.agents.some((agent) => agents.includes(agent)));
  return files.map((file) => {
    const path = `${root}/${file.path}`;
    try {
      refuseOutside(path, root);
      const before = readText(path);
      const after = isAdding ? file.add(before, facts) : before === undefined ? undefined : file.remove(before);
      if (after !== before && !isDry) apply(path, after, root);
      return { path: file.path, change: kindOf(before, after), reason: null };
    } catch (error) {
      if (!(error instanceof UnreadableFileError)) throw error;
      return { path: file.path, change: "unreadable", reason: error.message };
    }
  });
}

function kindOf(before: string | undefined, after: string | undefined): FileChange["change"] {
  if (before === after) return "unchanged";
  return before === undefined ? "made" : after === undefined ? "removed" : "changed";
}

/** Refuses a path that links lead out of the project: a repository may come from a stranger, and our file be theirs. */
function refuseOutside(path: string, root: string): void {
  const realRoot = Deno.realPathSync(root),
    inside = realRoot.replace(/[\\/]?$/, Deno.build.os === "windows" ? "\\" : "/");
  const real = upward(path).map(realPath).find((found) => found !== undefined)!;
  if (real === realRoot || real.startsWith(inside)) return;
  throw new UnreadableFileError(`it is a link to ${real}, outside of the project; enter portd there by hand`);
}

/** @throws {UnreadableFileError} for what is no file of a common length: opening a pipe would wait for its writer. */
function readText(path: string): string | undefined {
  try {
    if (!Deno.statSync(path).isFile) throw new UnreadableFileError("it is no regular file; move it away");
    return readBounded(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof FileTooLongError) throw new UnreadableFileError(`${error.message}; enter portd by hand`);
    throw error;
  }
}

/** Writes a draft beside the file and puts it in its place; through a link, in the place of what that leads to. */
function apply(path: string, text: string | undefined, root: string): void {
  const target = realPath(path) ?? path;
  if (text === undefined) return removeWithFolder(target, root);
  Deno.mkdirSync(upward(target)[1]!, { recursive: true });
  const draft = `${target}.${crypto.randomUUID()}.tmp`;
  try {
    Deno.writeTextFileSync(draft, text, { createNew: true, ...modeOf(target) });
    Deno.renameSync(draft, target);
  } catch (error) {
    removeIfThere(draft);
    throw error;
  }
}

/** Removes a file, and the folders above it where nothing else is in them. */
function removeWithFolder(path: string, root: string): void {
  Deno.removeSync(path);
  const folder = upward(path)[1]!;
  if (folder.startsWith(`${root}/`) && [...Deno.readDirSync(folder)].length === 0) removeWithFolder(folder, root);
}

/** `undefined` where nothing is there. */
function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

function modeOf(path: string): { readonly mode?: number } {
  try {
    const { mode } = Deno.statSync(path);
    return mode === null ? {} : { mode: mode & 0o777 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
