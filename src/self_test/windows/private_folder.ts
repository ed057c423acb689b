/**
 * Folders of runs below ProgramData, which only SYSTEM and administrators may open: what elevated items note in them
 * tells a later cleanup what to undo, so nobody else may write there.
 */
import { join } from "node:path";
import { ifThere } from "../../errors.ts";
import type { FilesWithAcl } from "../../service/windows/acl.ts";
import { whoMayOpen } from "../../service/windows/access.ts";
import { type Artefact, PREFIX, tagOf } from "../artefact.ts";
import { removeFolder } from "../run_folder.ts";

/** The folder for data of all users. */
export function programData(): string {
  return Deno.env.get("ProgramData") ?? "C:\\ProgramData";
}

/** The folder of a run. */
export function privateFolderOf(tag: string): string {
  return join(programData(), `${PREFIX}${tag}`);
}

/** Runs `use` with the new folder of a run, and removes that. */
export async function inPrivateFolder<T>(
  { tag, files }: { readonly tag: string; readonly files: FilesWithAcl },
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = privateFolderOf(tag);
  files.createPrivate(folder); // fails when it is there already
  try {
    return await use(folder);
  } finally {
    await removeFolder(folder);
  }
}

/**
 * The folders that runs have left.
 *
 * @param undo undoes what is noted in a folder, before that is removed.
 */
export function findPrivateFolders(
  files: FilesWithAcl,
  undo: (folder: string, tag: string) => Promise<void>,
): readonly Artefact[] {
  return [...Deno.readDirSync(programData())].flatMap(({ name, isDirectory }) => {
    const tag = tagOf(name), folder = join(programData(), name);
    if (tag === undefined || name !== `${PREFIX}${tag}` || !isDirectory) return [];
    const remove = async () => {
      requirePrivate(folder, files);
      await undo(folder, tag);
      await removeFolder(folder);
    };
    return [{ what: `private folder ${name}, with its service and its excluded port`, tag, remove }];
  });
}

/** @throws {Error} where somebody else has made the folder, or may write what is noted in it. */
function requirePrivate(folder: string, files: FilesWithAcl): void {
  const descriptor = files.read(folder), trusted = files.trusted();
  const isOurs = descriptor.owner !== null && trusted.has(descriptor.owner);
  if (!isOurs || whoMayOpen(descriptor, trusted).length > 0) {
    throw new Error(
      `${folder} is not a folder of portd: others than administrators may open it; look into it yourself`,
    );
  }
}

/** The text of a note in a folder; `undefined` where there is none. */
export function readNote(folder: string, name: string): string | undefined {
  return ifThere(() => Deno.readTextFileSync(join(folder, name)));
}
