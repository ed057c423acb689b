/** `spawn.handles`: whether a process in the background inherits what this one has marked as inheritable. */
import { system32 } from "../../os/windows/system32.ts";
import { childWords, endSleeper, sleeperIn, type Starter, workingFolder } from "../child.ts";
import { fail, type Item, ok, type Outcome } from "../self_test.ts";

const SYMBOLS = {
  /** `BOOL CreatePipe(HANDLE *reader, HANDLE *writer, NULL, DWORD size)` */
  CreatePipe: { parameters: ["buffer", "buffer", "pointer", "u32"], result: "i32" },
  /** `BOOL SetHandleInformation(HANDLE, DWORD mask, DWORD flags)` */
  SetHandleInformation: { parameters: ["pointer", "u32", "u32"], result: "i32" },
  /** `BOOL PeekNamedPipe(HANDLE, NULL, 0, NULL, DWORD *available, NULL)`; fails when nobody can write any more */
  PeekNamedPipe: { parameters: ["pointer", "pointer", "u32", "pointer", "buffer", "pointer"], result: "i32" },
  /** `BOOL CloseHandle(HANDLE)` */
  CloseHandle: { parameters: ["pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const HANDLE_FLAG_INHERIT = 1;

/** The item. */
export function handlesItem(starter: Starter): Item {
  return {
    id: "spawn.handles",
    does: "start a process in the background while a pipe is open",
    run: (folder) => testHandles(folder, starter),
  };
}

/** The writing end of a pipe is inheritable. When only we have had it, the reading end shows that it is closed. */
async function testHandles(folder: string, starter: Starter): Promise<Outcome> {
  const kernel32 = Deno.dlopen(system32("kernel32.dll"), SYMBOLS);
  const { CreatePipe, SetHandleInformation, PeekNamedPipe, CloseHandle } = kernel32.symbols;
  const ends = [new BigUint64Array(1), new BigUint64Array(1)] as const;
  if (CreatePipe(...ends, null, 0) === 0) throw new Error("Cannot make a pipe");
  const [reader, writer] = ends.map((end) => Deno.UnsafePointer.create(end[0]!)) as [
    Deno.PointerValue,
    Deno.PointerValue,
  ];
  try {
    SetHandleInformation(writer, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    try {
      await starter.startDetached(childWords(starter, "sleep", folder), workingFolder());
    } finally {
      CloseHandle(writer);
    }
    const pid = await sleeperIn(folder);
    const isKept = PeekNamedPipe(reader, null, 0, null, new Uint32Array(1), null) !== 0;
    await endSleeper(folder, pid);
    return isKept ? fail("a process in the background has inherited a pipe of ours") : ok();
  } finally {
    CloseHandle(reader);
  }
}
