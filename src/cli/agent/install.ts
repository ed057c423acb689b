/** Writing portd's part into the files of a project for coding agents, and taking it out. */
import { type Agent, AGENT_FILES, type ProjectFacts } from "../../agent/agent_files.ts";
import { UnreadableFileError } from "../../agent/json_file.ts";

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
    const path = `${root}/${file.path}`, before = readText(path);
    try {
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

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** Writes a draft beside the file and puts it in its place; through a link, in the place of what that leads to. */
function apply(path: string, text: string | undefined, root: string): void {
  const target = realPath(path);
  if (text === undefined) return removeWithFolder(target, root);
  Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
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
  const folder = path.slice(0, path.lastIndexOf("/"));
  if (folder.startsWith(`${root}/`) && [...Deno.readDirSync(folder)].length === 0) removeWithFolder(folder, root);
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
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
