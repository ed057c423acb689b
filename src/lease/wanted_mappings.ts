/** The mappings of the router that live leases want. Pure. */
import type { Family } from "../gateway/gateway.ts";
import type { WantedMapping } from "../gateway/mapping.ts";
import type { LeaseRecord } from "./record.ts";

/** The mappings of every exposure to the router, one for each protocol and family. */
export function wantedMappings(leases: Iterable<LeaseRecord>): readonly WantedMapping[] {
  const wanted: WantedMapping[] = [];
  for (const { id: leaseId, name, port, protocols, exposure } of leases) {
    if (exposure === null || exposure.gateway === null) continue;
    const { externalPort, ipv4, ipv6, lifetimeMs } = exposure.gateway;
    const common = { leaseId, lease: name ?? leaseId, port, lifetimeMs };
    const add = (family: Family, wantedPort: number | null) => {
      for (const protocol of protocols) wanted.push({ ...common, family, protocol, wantedPort });
    };
    if (ipv4) add("ipv4", externalPort);
    if (ipv6) add("ipv6", null); // a pinhole leads to the port itself
  }
  return wanted;
}
