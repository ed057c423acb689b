/** `spawn.handles`: whether a process in the background inherits what this one has marked as inheritable. */
import { HANDLE_FLAG_INHERIT, openKernel32Spawn } from "../../os/windows/kernel32.ts";
import { childWords, endSleeper, sleeperIn, type Starter, workingFolder } from "../child.ts";
import { fail, type Item, ok, type Outcome } from "../self_test.ts";

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
  const { CreatePipe, SetHandleInformation, PeekNamedPipe, CloseHandle } = openKernel32Spawn();
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
