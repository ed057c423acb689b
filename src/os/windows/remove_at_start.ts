/** Files that a process uses: Windows removes them when it starts. Manual: MoveFileExW. */
import { system32 } from "./system32.ts";
import { wideText } from "./wide_text.ts";

const SYMBOLS = {
  /** `BOOL MoveFileExW(const WCHAR *path, NULL, DWORD flags)` */
  MoveFileExW: { parameters: ["buffer", "pointer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const MOVEFILE_DELAY_UNTIL_REBOOT = 4;

/** Has Windows remove a file at its next start. It takes an administrator's rights. @throws {Error} when refused. */
export function removeAtStart(path: string): void {
  const { symbols } = Deno.dlopen(system32("kernel32.dll"), SYMBOLS);
  if (symbols.MoveFileExW(wideText(path), null, MOVEFILE_DELAY_UNTIL_REBOOT) !== 0) return;
  throw new Error(`Cannot remove ${path}: a process uses it, and Windows does not remove it at its next start either`);
}
