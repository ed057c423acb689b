/** The network of each OS: the dispatcher. */
import { openLinuxParts } from "../os/linux/linux.ts";
import type { NetworkReader } from "./adapters.ts";
import { darwinNetworkReader } from "./darwin/reader.ts";
import { genericNetworkReader } from "./generic.ts";
import { linuxNetworkReader } from "./linux/reader.ts";
import { oneAtATime } from "./one_at_a_time.ts";
import { windowsNetworkReader } from "./windows/reader.ts";

/** The reader of this system. It reads; nothing is sent anywhere. */
export function openNetworkReader(): NetworkReader {
  return oneAtATime(readerOfThisSystem());
}

function readerOfThisSystem(): NetworkReader {
  if (Deno.build.os === "linux") return linuxNetworkReader(openLinuxParts());
  if (Deno.build.os === "windows") return windowsNetworkReader();
  return Deno.build.os === "darwin" ? darwinNetworkReader() : genericNetworkReader;
}
