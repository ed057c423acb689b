/** The state folder of a service, which other users must not read: its token is the right to open the firewall. */
import { foreignName } from "../../state/state_folder.ts";
import type { Step } from "../service.ts";
import { whoMayChange, whoMayOpen } from "./access.ts";
import type { Acl } from "./acl.ts";
import { quoteWord } from "./command_line.ts";
import type { Files } from "./files.ts";
import { plainPath, waysTo } from "./paths.ts";
import { step } from "./step.ts";

const RIGHTS = ["/inheritance:r", "/grant:r", "*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F"];

/** What it looks at. */
export interface StateFolderParts {
  readonly acl: Acl;
  readonly files: Files;
}

/**
 * The step that makes the folder, or takes it from other users; none when it is as it should be.
 *
 * @throws {Error} when it is somebody else's, who could take it back, or may be moved away by him; when it holds what
 * is not portd's, from which nobody is to be shut out.
 */
export function keepPrivate(folder: string, { acl, files }: StateFolderParts): Step[] {
  const path = plainPath(folder);
  const trusted = acl.trusted();
  for (const { path: above, role } of waysTo(path).slice(1)) {
    if (files.kindOf(above) === undefined) continue;
    const [sid] = whoMayChange(acl.read(above), role === "folder" ? "ancestor" : role, trusted);
    if (sid !== undefined) throw unusable(path, `${acl.nameOf(sid)} can move it away, by the rights to ${above}`);
  }
  if (files.kindOf(path) === undefined) {
    return [step(`mkdir ${quoteWord(path)}, and ${icacls(path)}`, () => acl.createPrivate(path))];
  }
  const isOpen = (each: string) => files.kindOf(each) !== undefined && whoMayOpen(acl.read(each), trusted).length > 0;
  refuseLink(path, files);
  const foreign = isOpen(path) ? foreignName(files.entries(path)) : undefined;
  if (foreign !== undefined) {
    throw unusable(path, `it holds ${foreign}, and others may open it; name a folder of its own`);
  }
  refuseForeign(path, { acl, files }, trusted);
  // Windows lets everybody pass a closed folder, to a file in it whose own list lets him.
  if (![path, ...below(path, files)].some(isOpen)) return [];
  const takeAll = () => {
    acl.makePrivate(path);
    refuseForeign(path, { acl, files }, trusted); // what somebody has laid there until now
    below(path, files).forEach((each) => acl.makePrivate(each));
  };
  return [step(`${icacls(path)} /T`, takeAll)];
}

function below(folder: string, files: Files): string[] {
  return files.entries(folder).map((name) => `${folder}\\${name}`)
    .flatMap((path) => [path, ...(files.kindOf(path) === "folder" ? below(path, files) : [])]);
}

/** An owner could give himself all rights again; a link would have us take the rights to what it leads to. */
function refuseForeign(path: string, { acl, files }: StateFolderParts, trusted: ReadonlySet<string>): void {
  const kind = files.kindOf(path);
  if (kind === undefined) return; // it has gone meanwhile
  refuseLink(path, files);
  const { owner } = acl.read(path);
  if (owner === null || !trusted.has(owner)) {
    const who = owner === null ? "nobody" : acl.nameOf(owner);
    throw unusable(path, `it belongs to ${who}; look into it and remove it, or take it with takeown.exe /A /F`);
  }
  if (kind === "file") return;
  for (const name of files.entries(path)) refuseForeign(`${path}\\${name}`, { acl, files }, trusted);
}

function refuseLink(path: string, files: Files): void {
  if (files.kindOf(path) === "link") throw unusable(path, "it is a link; remove it");
}

function unusable(path: string, reason: string): Error {
  return new Error(`Cannot keep the service's state in ${path}: ${reason}`);
}

function icacls(path: string): string {
  return ["icacls.exe", path, ...RIGHTS].map(quoteWord).join(" ");
}
