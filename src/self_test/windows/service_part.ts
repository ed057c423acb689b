/** What the service of `scm` does in its process: notes its standard handles, runs, and stops or aborts. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { openAdvapi32Services } from "../../os/windows/advapi32.ts";
import { system32 } from "../../os/windows/system32.ts";
import { runAsService } from "../../service/windows/scm.ts";
import { retryUntil } from "../../wait.ts";
import { CHILD_LIMIT_MS, leave } from "../child.ts";

/** In the folder of the service: what it has noted. */
export const REPORT = "service.json";
/** In the folder of the service: that it is to abort when it runs. */
export const ABORT = "abort";
/** The exit code of a service that aborts. */
export const ABORT_CODE = 3;

const SYMBOLS = {
  /** `HANDLE GetStdHandle(DWORD which)` */
  GetStdHandle: { parameters: ["i32"], result: "pointer" },
  /** `DWORD GetFileType(HANDLE)` */
  GetFileType: { parameters: ["pointer"], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** `STD_INPUT_HANDLE` and the two others, processenv.h. */
const STANDARD = { stdin: -10, stdout: -11, stderr: -12 } as const;
const INVALID_HANDLE = 0xffffffffffffffffn;
/** `FILE_TYPE_UNKNOWN` and the others, winbase.h. */
const TYPES = ["unknown", "disk", "character", "pipe"];
const PAUSE_MS = 100;

/** Runs as the service until it is asked to stop, or its folder is gone. @param folder is named like the service. */
export async function playService(folder: string): Promise<void> {
  const parts = { advapi32: openAdvapi32Services(), writeEvent: () => true, name: basename(folder) };
  await runAsService(async ({ signal, ready }) => {
    leave(folder, REPORT, JSON.stringify(describeStandardHandles()));
    ready();
    if (existsSync(join(folder, ABORT))) Deno.exit(ABORT_CODE);
    const isOver = () => signal.aborted || !existsSync(folder);
    await retryUntil(isOver, { pauseMs: PAUSE_MS, limitMs: CHILD_LIMIT_MS });
  }, parts);
}

function describeStandardHandles(): Record<string, string> {
  const { GetStdHandle, GetFileType } = Deno.dlopen(system32("kernel32.dll"), SYMBOLS).symbols;
  return Object.fromEntries(
    Object.entries(STANDARD).map(([name, which]) => {
      const handle = GetStdHandle(which);
      if (handle === null) return [name, "none"];
      if (BigInt(Deno.UnsafePointer.value(handle)) === INVALID_HANDLE) return [name, "invalid"];
      return [name, TYPES[GetFileType(handle)] ?? "other"];
    }),
  );
}
