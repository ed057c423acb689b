/** The standard handles of this process. Manuals: GetStdHandle, GetFileType. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /** `HANDLE GetStdHandle(DWORD which)` */
  GetStdHandle: { parameters: ["u32"], result: "pointer" },
  /** `DWORD GetFileType(HANDLE)` */
  GetFileType: { parameters: ["pointer"], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** `STD_INPUT_HANDLE`, `STD_OUTPUT_HANDLE`, `STD_ERROR_HANDLE`: -10, -11, -12 as `DWORD`. */
const HANDLES = [0xfffffff6, 0xfffffff5, 0xfffffff4];
const INVALID_HANDLE = 0xffffffffffffffffn;
/** What `GetFileType` answers; 0 is unknown, or an error. */
const TYPES: Readonly<Record<number, string>> = { 1: "file", 2: "device", 3: "pipe" };

/**
 * What stdin, stdout and stderr are: `none`, `file`, `device` (a console or NUL), `pipe` or `unknown`. The Service Control
 * Manager gives a service none.
 */
export function standardHandles(): readonly string[] {
  const { symbols } = Deno.dlopen(system32("kernel32.dll"), SYMBOLS);
  return HANDLES.map((which) => {
    const handle = symbols.GetStdHandle(which);
    const isNone = handle === null || BigInt(Deno.UnsafePointer.value(handle)) === INVALID_HANDLE;
    return isNone ? "none" : TYPES[symbols.GetFileType(handle)] ?? "unknown";
  });
}
