/** Whether the address stays to which the router leads the internet. Pure. */
import type { Lease, NetworkFacts } from "../../client/client.ts";

/** What doctor looks at. */
export interface AddressSymptoms {
  readonly leases: readonly Lease[];
  /** Undefined where no lease asks the router. */
  readonly network: NetworkFacts | undefined;
}

/** Nothing where no lease asks the router for a port of IPv4. */
export function judgeAddress(
  { leases, network }: AddressSymptoms,
): (readonly ["ok" | "note" | "problem", message: string])[] {
  const isForwarded = leases.some(({ exposure }) => exposure?.gateway?.ipv4 === true);
  if (network === undefined || !isForwarded) return [];
  const { ipv4 } = network.internet;
  if (ipv4 === null) {
    return [["problem", "leases ask the router for a port, and this machine has no way to the internet"]];
  }
  const { address, adapter: name, gateway } = ipv4;
  if (gateway === null) {
    return [["note", `${address} on ${name} reaches the internet without a router: none can be asked`]];
  }
  const adapter = network.adapters.find((each) => each.name === name);
  const origin = adapter?.addresses.find((each) => each.address === address)?.origin ?? null;
  if (origin === "static") return [["ok", `${address} on ${name} is fixed, behind the router ${gateway}`]];
  const from = origin === "dhcp" ? "is from DHCP" : "may change: where it is from is not known";
  const follows = "when it changes, portd asks the router again; a port forwarded by hand would lead elsewhere";
  return [["note", `${address} on ${name} ${from}: ${follows}; portd net says how to fix it`]];
}
