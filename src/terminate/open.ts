/** Pinning a process on each OS: the dispatcher. */
import { openHolds } from "../hold/open.ts";
import { openScanner } from "../listener/open.ts";
import { openLinuxParts } from "../os/linux/linux.ts";
import type { Endpoint } from "../port/port.ts";
import { openProcesses } from "../process/open.ts";
import type { ProcessIdentity } from "../process/process.ts";
import { isListeningOn, openGenericProcessHandle } from "./generic.ts";
import type { ProcessHandle } from "./handle.ts";
import { openLinuxProcessHandle } from "./linux.ts";
import { openWindowsProcessHandle } from "./windows.ts";

/**
 * Pins the process of an identity; blocking and quick.
 *
 * @returns `undefined` when it is gone, also when its pid is another's now.
 * @throws {Deno.errors.PermissionDenied} when this user may not end it; the message says who may.
 */
export function openProcessHandle(identity: ProcessIdentity): ProcessHandle | undefined {
  // To kill(2), 0 and negative numbers are groups of processes, and -1 is every process there is.
  if (!Number.isInteger(identity.pid) || identity.pid < 1) return undefined;
  if (Deno.build.os === "linux") return openLinuxProcessHandle(identity, openLinuxParts());
  if (Deno.build.os === "windows") return openWindowsProcessHandle(identity);
  const processes = openProcesses(undefined);
  if (Deno.build.os !== "darwin") return openGenericProcessHandle(identity, { processes });
  const listensOn = (endpoint: Endpoint) =>
    isListeningOn(openScanner(undefined, openHolds(undefined)), identity.pid, endpoint);
  return openGenericProcessHandle(identity, { processes, listensOn });
}
