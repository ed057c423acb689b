import { testGatewayConformance } from "../../support/gateway/conformance.ts";
import { openIgdConformance, openIgdPinholes } from "../../support/gateway/igd_conformance.ts";

for (const version of [1, 2] as const) {
  testGatewayConformance({
    name: `IGDv${version}`,
    family: "ipv4",
    canLook: true,
    open: () => openIgdConformance(version),
  });
}
testGatewayConformance({ name: "UPnP pinholes", family: "ipv6", open: openIgdPinholes });
