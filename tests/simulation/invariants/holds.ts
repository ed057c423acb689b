/** The kernel's side: a hold for every live lease that has one, and none besides. */
import { firstOf, type Invariant } from "./invariant.ts";

export const HOLDS: Invariant = {
  name: "holds",
  promise: "The daemon keeps a hold for each live TCP lease, and no other",
  step({ kernel, run }) {
    return firstOf(
      kernel.held,
      (port) => run.byPort(port, "tcp") === undefined ? `port ${port} is held, and no lease has it` : undefined,
    );
  },
  rest({ kernel, run, settings }) {
    return firstOf(run.records(), ({ id, port, protocols, hold }) => {
      if (hold === "none" && protocols.includes("tcp") && kernel.held.has(port)) {
        return `lease ${id} has the hold "none", and port ${port} is held`;
      }
      const isWanted = hold === "soft" && protocols.includes("tcp") && kernel.held.size < settings.mostHolds;
      const isThere = kernel.held.has(port) || kernel.servers.has(`tcp:${port}`);
      return isWanted && !isThere ? `lease ${id} has no hold on port ${port}, and nobody listens there` : undefined;
    });
  },
};
