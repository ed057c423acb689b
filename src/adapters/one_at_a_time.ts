/** Reading the network once for all who ask meanwhile. */
import type { NetworkFacts, NetworkReader } from "./adapters.ts";

/**
 * The same reader; a call during a read gets what that read finds. So, however many ask, the system is asked once at a
 * time.
 */
export function oneAtATime(reader: NetworkReader): NetworkReader {
  let running: Promise<NetworkFacts> | undefined;
  return {
    read() {
      return running ??= reader.read().finally(() => {
        running = undefined;
      });
    },
  };
}
