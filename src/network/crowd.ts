/** Keeping the connections to the daemon's port within what its descriptors allow: the types and the dispatcher. */
import { openLibc } from "../ffi/libc.ts";
import { LinuxCrowd } from "./linux/crowd.ts";

/** The connections to one port of this process. */
export interface Crowd {
  /** From now on cuts connections off where descriptors run out, those of whoever has most of them first. */
  watch(port: number): void;
  /** Does so at once, for when there was no descriptor for a connection. */
  relieve(): Promise<void>;
  /** Ends the watch. */
  stop(): void;
}

/** The crowd of this system; `undefined` where connections can be neither counted nor cut. */
export function openCrowd(log: (line: string) => void): Crowd | undefined {
  return Deno.build.os === "linux" ? new LinuxCrowd({ libc: openLibc(), log }) : undefined;
}
