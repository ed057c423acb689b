/** Where the network that is seen is not the one of the router: in WSL, in a container, in a virtual machine. Pure. */
import type { NetworkFacts } from "../../client/wire.ts";
import type { Wsl } from "../../os/linux/wsl.ts";

/** What to know of a router sheet that is made here, a sentence each. */
export function placeNotes(facts: NetworkFacts, wsl: Wsl | undefined): readonly string[] {
  if (wsl?.networking === "nat") {
    return ["the router of WSL is Windows itself, which lies between: make the sheet with portd on Windows"];
  }
  const { adapters, internet: { ipv4 } } = facts, adapter = adapters.find(({ name }) => name === ipv4?.adapter);
  if (adapter === undefined || !adapter.isVirtual) return [];
  const place = "of a container or a virtual machine";
  return [`${adapter.name} is a virtual adapter: if it is one ${place}, make the sheet on the machine that runs it`];
}
