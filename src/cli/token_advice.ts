/** What a person can do where the daemon asks for its token and the command has none: the daemon names only its file. */
import { PortdError } from "../errors.ts";
import type { CliContext, CommonFlags } from "./context.ts";

/** How the files of other users are looked at. */
export interface Files {
  /** @throws as `Deno.statSync` does. */
  readonly stat: (path: string) => { readonly uid: number | null };
  /** The user who calls; null on Windows. */
  readonly uid: number | null;
}

/** The last lines of a refusal of the API, which help a program and not the user of a command. */
const FOR_PROGRAMS = /(?:[:;] send the token)?; the token is in [^;]*$/;

/** The same refusal, with the command that has the token, where one is known. Nothing is opened: only its owner is looked up. */
export function withTokenAdvice(
  error: PortdError,
  context: Pick<CliContext, "args" | "env" | "os" | "isRoot">,
  { flags, files = systemFiles() }: { readonly flags: CommonFlags; readonly files?: Files },
): PortdError {
  const { tokenFile } = error.data, { args, env, os, isRoot } = context;
  const isFile = typeof tokenFile === "string" && /[\\/]admin\.token$/.test(tokenFile);
  if (!isFile || env.PORTD_TOKEN) return error;
  const cannot = error.message.replace(FOR_PROGRAMS, "");
  const advise = (why: string, command?: string) =>
    new PortdError(error.code, `${cannot}: ${why}`, { ...error.data, ...(command !== undefined && { command }) });
  const byVariable = `give the token in ${tokenFile} as PORTD_TOKEN`;
  const owner = ownerOf(tokenFile, files);
  // sudo keeps no variables, and a token from a file is sent to no address that was given.
  if (os === "windows" || flags.url !== undefined || env.PORTD_URL || owner === undefined) return advise(byVariable);
  const command = ["portd", ...args].map(inShell).join(" ");
  if (isRoot || owner === files.uid) {
    const own = `${command} --state-dir ${inShell(tokenFile.replace(/\/[^/]*$/, ""))}`;
    return advise(`the daemon has another state folder, so name it: ${own}`, own);
  }
  const [who, sudo] = owner === 0 ? ["root", "sudo"] : [`user ${owner}`, `sudo -u '#${owner}'`];
  return advise(`its token is for ${who} (${tokenFile}); run it as ${who}: ${sudo} ${command}`, `${sudo} ${command}`);
}

/** The user whose file it is, or in whose folder it cannot be seen; `undefined` where there is no such file. */
function ownerOf(path: string, files: Files): number | undefined {
  try {
    return files.stat(path).uid ?? undefined;
  } catch (error) {
    const folder = path.replace(/[^/]+\/?$/, "");
    const isElsewhere = error instanceof Deno.errors.NotFound; // on another machine or in another container
    if (isElsewhere || folder === path) return undefined;
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return ownerOf(folder.replace(/(.)\/$/, "$1"), files);
  }
}

/** A word as a shell takes it. */
function inShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function systemFiles(): Files {
  return { stat: Deno.statSync, uid: Deno.uid() };
}
