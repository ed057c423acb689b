/** The folder of one run, in the system's folder for temporary files: all files of the run, and which process runs it. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ifThere, ifThereAsync } from "../errors.ts";
import type { Processes, ProcessIdentity } from "../process/process.ts";
import { retryUntil } from "../wait.ts";
import { type Artefact, PREFIX, tagOf } from "./artefact.ts";

/** In it: the process of the run. Child processes of the run end when it is gone. */
const RUN_FILE = "run.json";
/** How long a scanner of viruses may keep a file open that has just been made. */
const REMOVAL_LIMIT_MS = 5000, REMOVAL_PAUSES = { pauseMs: 20, longestPauseMs: 200 };

/** The folder of a run that goes on. */
export class RunFolder implements AsyncDisposable {
  readonly tag: string;
  readonly path: string;

  private constructor(tag: string, path: string) {
    this.tag = tag;
    this.path = path;
  }

  /** Makes it, open to this user only. */
  static make(tag: string, processes: Processes, parent = tmpdir()): RunFolder {
    const path = join(parent, `${PREFIX}${tag}`);
    Deno.mkdirSync(path, { mode: 0o700 }); // fails when somebody else has made it
    const { startTime = "" } = processes.find(Deno.pid) ?? {};
    const run: ProcessIdentity = { pid: Deno.pid, startTime, bootId: processes.bootId };
    Deno.writeTextFileSync(join(path, RUN_FILE), JSON.stringify(run));
    return new RunFolder(tag, path);
  }

  /** Runs `use` with a new folder in it, and removes that. */
  async within<T>(id: string, use: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.path, id);
    Deno.mkdirSync(folder, { mode: 0o700 });
    try {
      return await use(folder);
    } finally {
      await removeFolder(folder);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeFolder(this.path);
  }
}

/** The folders of runs, this one's too, that belong to this user. */
export function findRunFolders(parent = tmpdir()): readonly Artefact[] {
  return [...Deno.readDirSync(parent)].flatMap(({ name, isDirectory }) => {
    const tag = tagOf(name), path = join(parent, name);
    // A link is never followed, and what belongs to another user is theirs.
    if (tag === undefined || name !== `${PREFIX}${tag}` || !isDirectory || !isOwn(path)) return [];
    return [{ what: `folder ${name}`, tag, remove: () => removeFolder(path) }];
  });
}

/** Whether the run of a tag goes on. */
export function isRunGoingOn(tag: string, processes: Processes, parent = tmpdir()): boolean {
  const path = join(parent, `${PREFIX}${tag}`);
  const text = ifThere(() => isOwn(path) ? Deno.readTextFileSync(join(path, RUN_FILE)) : undefined);
  const run = text === undefined ? undefined : parseRun(text);
  return run !== undefined && processes.isAlive(run);
}

/** A run that was killed while it wrote the file has left a part of it. */
function parseRun(text: string): ProcessIdentity | undefined {
  const [, pid, startTime, bootId] = /^\{"pid":(\d{1,10}),"startTime":"([^"\\]*)","bootId":"([^"\\]*)"\}$/.exec(text) ??
    [];
  return pid === undefined ? undefined : { pid: Number(pid), startTime: startTime!, bootId: bootId! };
}

/** Deno knows no owners on Windows; there the folder for temporary files is each user's own. */
function isOwn(path: string): boolean {
  const { uid, isDirectory } = Deno.lstatSync(path);
  return isDirectory && (Deno.build.os === "windows" || uid === Deno.uid());
}

/** Removes a folder with all that is in it; does nothing where there is none. */
export async function removeFolder(path: string): Promise<void> {
  let last: unknown;
  const isGone = await retryUntil(async () => {
    try {
      await ifThereAsync(() => Deno.remove(path, { recursive: true }));
      return true;
    } catch (error) {
      last = error;
      return false;
    }
  }, { ...REMOVAL_PAUSES, limitMs: REMOVAL_LIMIT_MS });
  if (!isGone) throw last;
}
