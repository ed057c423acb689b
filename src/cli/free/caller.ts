/** What the user who calls may end, and the command that ends something else. */
import type { ListedSocket } from "../../client/client.ts";
import { openLinuxParts } from "../../os/linux/linux.ts";
import { openProcesses } from "../../process/open.ts";
import type { CliContext } from "../context.ts";

/** The system's first process listens for services that it starts at the first connection. */
export const INIT_PID = 1;

/** The user who calls. */
export type Caller = Pick<CliContext, "isRoot" | "os">;

/**
 * The command that ends the process of a listener, with `sudo` where it takes another user's rights.
 *
 * @returns `undefined` where there is none: it cannot be seen, not even by an administrator, or is the system's first.
 */
export function endCommand(socket: ListedSocket, { isRoot, os }: Caller): string | undefined {
  const { pid, user, process, localPort } = socket;
  if (pid === INIT_PID) return undefined;
  const isWindows = os === "windows";
  if (pid === null) return isRoot || isWindows ? undefined : `sudo portd free ${localPort} --force`;
  if (isWindows) return `taskkill /F /PID ${pid}`;
  const owner = process?.user ?? user ?? null;
  return isRoot || owner === null || owner === ownName() ? `kill ${pid}` : `sudo kill ${pid}`;
}

/** The name of the user who runs this process, as the system names the users of other processes. */
function ownName(): string | null {
  const procfs = Deno.build.os === "linux" ? openLinuxParts().procfs : undefined;
  return openProcesses(procfs).find(Deno.pid)?.user ?? null;
}

/** A refusal for want of rights, with the command that has them. @param words are those behind `portd`. */
export function withSudo(
  error: Deno.errors.PermissionDenied,
  words: string,
  { isRoot, os }: Caller,
): Deno.errors.PermissionDenied {
  if (isRoot || os === "windows") return error;
  return new Deno.errors.PermissionDenied(`${error.message}: sudo portd ${words}`, { cause: error });
}
