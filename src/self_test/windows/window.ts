/** `spawn.window`: whether a tool that the daemon runs opens a window. */
import { GW_HWNDNEXT, type User32 } from "../../os/windows/user32.ts";
import { textOfWide } from "../../os/windows/wide_text.ts";
import { childWords, endSleeper, sleeperIn, type Starter, workingFolder } from "../child.ts";
import { fail, type Item, ok, type Outcome, skipped } from "../self_test.ts";

/** Classes of the windows in which programs for the console run: the old console, and Windows Terminal. */
const CONSOLES = ["ConsoleWindowClass", "CASCADIA_HOSTING_WINDOW_CLASS", "PseudoConsoleWindow"];
const LONGEST_CLASS = 256;
/** The order of windows can change while it is read. */
const MOST_WINDOWS = 10_000;

/** A visible window. */
interface Window {
  readonly className: string;
  readonly pid: number;
}

/** The item. */
export function windowItem(user32: User32, starter: Starter): Item {
  return {
    id: "spawn.window",
    does: "start a process in the background that runs a tool, and look for new windows",
    run: (folder) => testWindow(folder, { user32, starter }),
  };
}

async function testWindow(
  folder: string,
  { user32, starter }: { readonly user32: User32; readonly starter: Starter },
): Promise<Outcome> {
  const before = visibleWindows(user32);
  if (before === undefined) return skipped("this process has no desktop");
  await starter.startDetached(childWords(starter, "background", folder), workingFolder());
  const pid = await sleeperIn(folder);
  const after = visibleWindows(user32) ?? new Map<bigint, Window>();
  await endSleeper(folder, pid);
  const opened = [...after].filter(([handle]) => !before.has(handle)).map(([, window]) => window);
  const value = { before: before.size, opened: opened.map(({ className }) => className) };
  const ours = opened.filter((window) => window.pid === pid || CONSOLES.includes(window.className));
  return ours.length === 0 ? ok(value) : fail("a tool of the daemon opens a window", value);
}

/** The visible windows of the desktop by their handles; `undefined` where there is no desktop. */
function visibleWindows(user32: User32): Map<bigint, Window> | undefined {
  let handle = user32.GetTopWindow(null);
  if (handle === null) return undefined;
  const windows = new Map<bigint, Window>();
  for (let i = 0; handle !== null && i < MOST_WINDOWS; i++) {
    if (user32.IsWindowVisible(handle) !== 0) {
      windows.set(BigInt(Deno.UnsafePointer.value(handle)), describe(handle, user32));
    }
    handle = user32.GetWindow(handle, GW_HWNDNEXT);
  }
  return windows;
}

function describe(handle: Deno.PointerValue, user32: User32): Window {
  const name = new Uint8Array(2 * LONGEST_CLASS), pid = new Uint32Array(1);
  const length = user32.GetClassNameW(handle, name, LONGEST_CLASS);
  user32.GetWindowThreadProcessId(handle, pid);
  return { className: textOfWide(name.subarray(0, 2 * length)), pid: pid[0]! };
}
