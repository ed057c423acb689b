/** Access tokens of processes: who runs them, with which rights. Manuals: OpenProcessToken, GetTokenInformation. */
import { addressOf } from "../pointer.ts";
import { type Advapi32, TOKEN_ELEVATION, TOKEN_ELEVATION_TYPE, TOKEN_QUERY, TOKEN_USER } from "./advapi32.ts";
import type { Kernel32 } from "./kernel32.ts";
import { sidBytesAt, sidText } from "./sid.ts";

/** The libraries that it calls. */
export interface TokenLibraries {
  readonly advapi32: Advapi32;
  readonly kernel32: Kernel32;
}

/** What GetCurrentProcess always answers. */
const THIS_PROCESS = 0xffffffffffffffffn;
/** `TOKEN_USER` with the longest SID behind it. */
const TOKEN_USER_SIZE = 16 + 68;
/** `TokenElevationTypeDefault`. */
const NOT_SPLIT = 1;

/** A handle of this process. */
export function thisProcess(): Deno.PointerValue {
  return Deno.UnsafePointer.create(THIS_PROCESS);
}

/** The SID of the user of an opened process; `undefined` where this user may not ask. */
export function userSidOf(process: Deno.PointerValue, libraries: TokenLibraries): string | undefined {
  const bytes = new Uint8Array(TOKEN_USER_SIZE), base = addressOf(bytes);
  if (!readToken(process, TOKEN_USER, bytes, libraries)) return undefined;
  const address = new DataView(bytes.buffer).getBigUint64(0, true);
  return sidText(sidBytesAt(bytes, Number(address - base)));
}

/** Whether this process has the rights of an administrator; `undefined` where Windows does not say. */
export function isElevated(libraries: TokenLibraries): boolean | undefined {
  const elevation = readNumber(TOKEN_ELEVATION, libraries);
  return elevation === undefined ? undefined : elevation !== 0;
}

/** Whether UAC has split the token of this process's user into one with and one without an administrator's rights. */
export function isTokenSplit(libraries: TokenLibraries): boolean {
  return readNumber(TOKEN_ELEVATION_TYPE, libraries) !== NOT_SPLIT;
}

function readNumber(information: number, libraries: TokenLibraries): number | undefined {
  const bytes = new Uint8Array(4);
  const isRead = readToken(thisProcess(), information, bytes, libraries);
  return isRead ? new DataView(bytes.buffer).getUint32(0, true) : undefined;
}

function readToken(
  process: Deno.PointerValue,
  information: number,
  bytes: Uint8Array<ArrayBuffer>,
  { advapi32, kernel32 }: TokenLibraries,
): boolean {
  const handle = new BigUint64Array(1), length = new Uint32Array(1);
  if (advapi32.OpenProcessToken(process, TOKEN_QUERY, handle) === 0) return false;
  const token = Deno.UnsafePointer.create(handle[0]!);
  try {
    return advapi32.GetTokenInformation(token, information, bytes, bytes.length, length) !== 0;
  } finally {
    kernel32.CloseHandle(token);
  }
}
