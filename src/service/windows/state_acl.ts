/** The state folder of a service, which other users must not read: with its token they could open the firewall. */
import { foreignName } from "../../state/state_folder.ts";
import { immediateStep, type Step } from "../service.ts";
import { whoMayOpen } from "./access.ts";
import type { FilesWithAcl } from "./acl.ts";
import { plainPath } from "./paths.ts";

/**
 * The step that makes the folder, or takes it from other users; none when it is as it should be.
 * {@linkcode findForeignState} has found nothing in it.
 */
export function keepPrivate(folder: string, files: FilesWithAcl): Step[] {
  const path = plainPath(folder), forWhom = "only SYSTEM and administrators may open it";
  if (files.kindOf(path) === undefined) {
    return [immediateStep(`make the folder ${path}; ${forWhom}`, () => files.createPrivate(path))];
  }
  const trusted = files.trusted();
  // Windows lets everybody pass through a closed folder to a file whose own list admits them.
  const isOpen = [path, ...pathsBelow(path, files)].some((each) => isOpenToOthers(each, files, trusted));
  if (!isOpen) return [];
  const takeAll = () => {
    files.makePrivate(path);
    const objection = findForeignState(path, files); // what somebody has put there until now
    if (objection !== undefined) throw new Error(`Cannot keep the service's state in ${path}: ${objection}`);
    for (const each of pathsBelow(path, files)) files.makePrivate(each);
  };
  return [immediateStep(`change the access list of ${path} and all in it: ${forWhom}`, takeAll)];
}

/**
 * Why a state folder cannot be taken from other users: it holds what is not portd's, whose users must not be shut out;
 * or something in it belongs to somebody else, who could give themselves all rights again, or is a link, through which
 * portd would change the rights of something else.
 */
export function findForeignState(path: string, files: FilesWithAcl): string | undefined {
  const trusted = files.trusted();
  if (files.kindOf(path) === "folder" && isOpenToOthers(path, files, trusted)) {
    const foreign = foreignName(files.entries(path).map(({ name }) => name));
    if (foreign !== undefined) return `it holds ${foreign}, and others may open it; name a folder of its own`;
  }
  for (const each of [path, ...pathsBelow(path, files)]) {
    const kind = files.kindOf(each), name = each === path ? "it" : each;
    if (kind === undefined) continue; // it has gone meanwhile
    if (kind === "link") return `${name} is a link; remove it`;
    const { owner } = files.read(each);
    if (owner !== null && trusted.has(owner)) continue;
    const who = owner === null ? "nobody" : files.nameOf(owner);
    return `${name} belongs to ${who}; look into it and remove it, or take it with takeown.exe /A /F`;
  }
  return undefined;
}

function isOpenToOthers(path: string, files: FilesWithAcl, trusted: ReadonlySet<string>): boolean {
  return files.kindOf(path) !== undefined && whoMayOpen(files.read(path), trusted).length > 0;
}

function pathsBelow(folder: string, files: FilesWithAcl, kind = files.kindOf(folder)): string[] {
  if (kind !== "folder") return [];
  return files.entries(folder).flatMap((entry) => {
    const path = `${folder}\\${entry.name}`;
    return [path, ...pathsBelow(path, files, entry.kind)];
  });
}
