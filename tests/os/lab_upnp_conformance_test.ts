/** UPnP with a real router. In a file of its own, so that it runs beside the others. */
import { testLabConformance } from "../support/os/lab_conformance.ts";

testLabConformance("IGDv1", { protocol: "upnp", router: { igd: 1 }, canLook: true, longestLifetimeS: Infinity });
testLabConformance("IGDv2", { protocol: "upnp", router: { igd: 2 }, canLook: true, longestLifetimeS: 604_800 });
testLabConformance("UPnP, pinholes", { protocol: "upnp", family: "ipv6", longestLifetimeS: 86_400 });
