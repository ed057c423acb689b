/** PCP and NAT-PMP with a real router. */
import { testLabConformance } from "../support/os/lab_conformance.ts";

testLabConformance("PCP", { protocol: "pcp", longestLifetimeS: 86_400 });
testLabConformance("NAT-PMP", { protocol: "nat-pmp", longestLifetimeS: Infinity });
testLabConformance("PCP, pinholes", { protocol: "pcp", family: "ipv6", losesNonces: true, longestLifetimeS: 86_400 });
