/** The daemon's state folder as doctor sees it: who may open what is in it, and how much room there is. */
import type { DaemonStatus } from "../../client/client.ts";
import { messageOf } from "../../errors.ts";
import { ForeignFileError, refuseUnsafeAncestors } from "../../state/own_file.ts";
import { isOwnFile } from "../../state/state_folder.ts";

/** Who may do what with the folder. */
export interface FolderState {
  /** What others than its owner may open. */
  readonly openFiles: readonly string[];
  /** What else is wrong, a sentence each, with what to do. */
  readonly faults: readonly string[];
}

/** Bits of a mode that give rights to the group and to others, and those of them that let them write. */
const OTHERS = 0o077, OTHERS_WRITE = 0o022;
const OWNER = 0o700;
const TOKEN_FILE = "admin.token";

/**
 * Looks at the folder and at portd's files in it; null where it is not this user's. Windows has no such modes: there
 * the daemon has given the folder an access list of its own.
 */
export function lookAtFolder(stateDir: string): FolderState | null {
  try {
    return Deno.build.os === "windows" ? { openFiles: [], faults: [] } : inspectFolder(stateDir);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return null;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const lost = "what the daemon has in it is lost when it ends; restart it";
    return { openFiles: [], faults: [`${stateDir} is not there, or not in this container: ${lost}`] };
  }
}

function inspectFolder(stateDir: string): FolderState {
  const folder = Deno.statSync(stateDir);
  const files = [...Deno.readDirSync(stateDir)].flatMap(({ name }) => {
    const path = `${stateDir}/${name}`;
    return isOwnFile(name) || name === "config.yaml" ? [{ name, path, ...Deno.lstatSync(path) }] : [];
  });
  const isOpen = ({ mode }: Pick<Deno.FileInfo, "mode">) => (mode! & OTHERS) !== 0;
  // Nobody reaches a file in a closed folder; but a copy of the folder may be open, and the token gives every right.
  const isExposed = ({ name }: { readonly name: string }) => isOpen(folder) || name === TOKEN_FILE;
  return {
    openFiles: [
      ...(isOpen(folder) ? [stateDir] : []),
      ...files.filter((file) => isOwnFile(file.name) && isOpen(file) && isExposed(file)).map(({ path }) => path),
    ],
    faults: [
      ...((folder.mode! & OWNER) === OWNER
        ? []
        : [`the daemon cannot write into ${stateDir}; change that with: chmod u=rwx ${stateDir}`]),
      ...files.filter(({ uid }) => uid !== folder.uid).map(({ path, uid }) =>
        `${path} belongs to user ${uid}, and the folder to user ${folder.uid}: the daemon will refuse to start`
      ),
      ...files.filter((file) => !isOwnFile(file.name) && (file.mode! & OTHERS_WRITE) !== 0 && isExposed(file)).map((
        { path },
      ) => `${path} can be changed by other users; stop that with: chmod go-w ${path}`),
      ...(folder.uid === Deno.uid() ? faultsAbove(stateDir) : []),
    ],
  };
}

function faultsAbove(stateDir: string): readonly string[] {
  try {
    refuseUnsafeAncestors(stateDir);
    return [];
  } catch (error) {
    if (!(error instanceof ForeignFileError)) throw error;
    return [`another user can replace ${stateDir}: ${messageOf(error)}`];
  }
}

/** How many bytes the daemon can still write there; null where that is not known. */
export async function freeBytes({ stateDir, user }: Pick<DaemonStatus, "stateDir" | "user">): Promise<number | null> {
  const { statfsSync } = await import("node:fs");
  try {
    const { bsize, bavail, bfree } = statfsSync(stateDir);
    return bsize * (user === "root" ? bfree : bavail); // a file system keeps some blocks for root
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}
