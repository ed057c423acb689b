/** The self-test of each OS: the dispatcher. */
import { openHolds } from "../hold/open.ts";
import { openScanner } from "../listener/open.ts";
import { type LinuxParts, openLinuxParts } from "../os/linux/linux.ts";
import { openProcesses } from "../process/open.ts";
import { matrixItem } from "./bind.ts";
import { genericSockets } from "./generic_sockets.ts";
import { linuxSockets } from "./linux/sockets.ts";
import { processItem } from "./process.ts";
import { findRunFolders } from "./run_folder.ts";
import { scriptItem } from "./script.ts";
import type { SelfTest, SelfTestOptions } from "./self_test.ts";
import { portItem, spawnItems } from "./spawn.ts";
import { storeItem } from "./store.ts";
import { tablesItem } from "./tables.ts";

/** Opens what the items ask. @throws without permission for FFI. */
export async function openSelfTest(options: SelfTestOptions): Promise<SelfTest> {
  const linux = Deno.build.os === "linux" ? openLinuxParts() : undefined;
  const processes = openProcesses(linux?.procfs), holds = openHolds(linux), scanner = openScanner(linux, holds);
  const close = () => scanner.close();
  if (Deno.build.os === "windows") {
    const { openWindowsSelfTest }: typeof import("./windows/items.ts") = await import("./windows/items.ts" as string);
    const windows = await openWindowsSelfTest({ ...options, processes, holds, scanner });
    return { ...windows, processes, [Symbol.dispose]: close };
  }
  return {
    items: [
      ...spawnItems(options),
      portItem(options),
      matrixItem(holds, linux === undefined ? genericSockets : linuxSockets(linux.libc)),
      tablesItem(scanner, () => countInProcfs(linux)),
      processItem(processes, options),
      storeItem(modeOf),
      scriptItem,
    ],
    elevatedItems: [],
    refusal: undefined,
    processes,
    artefacts: [() => Promise.resolve(findRunFolders())],
    [Symbol.dispose]: close,
  };
}

/** The rows of the kernel's text tables; portd asks it over netlink. */
function countInProcfs(linux: LinuxParts | undefined): Promise<Record<"tcp" | "udp", number> | undefined> {
  if (linux === undefined) return Promise.resolve(undefined);
  const rows = (name: string) => (linux.procfs.read(`/proc/net/${name}`) ?? "\n").trimEnd().split("\n").length - 1;
  return Promise.resolve({ tcp: rows("tcp") + rows("tcp6"), udp: rows("udp") + rows("udp6") });
}

/** `drwx------` as `0700`. */
function modeOf(path: string): string {
  return `0${(Deno.statSync(path).mode! & 0o777).toString(8)}`;
}
