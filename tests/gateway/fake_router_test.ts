/** The routers of the tests keep to what every gateway must do, and so do the clients that speak to them. */
import { testGatewayConformance } from "../support/gateway/conformance.ts";
import { openFakeConformance } from "../support/gateway/fake_conformance.ts";
import { hasIpv6Loopback } from "../support/gateway/ipv6.ts";

testGatewayConformance({ name: "PCP", family: "ipv4", open: () => openFakeConformance({ protocol: "pcp" }) });

testGatewayConformance({
  name: "PCP without PREFER_FAILURE and ANNOUNCE",
  family: "ipv4",
  open: () =>
    openFakeConformance({
      protocol: "pcp",
      prepare: ({ habits }) => habits.knowsPreferFailure = habits.knowsAnnounce = false,
    }),
});

testGatewayConformance({
  name: "PCP of a router that has no words for what is not there",
  family: "ipv4",
  open: () => openFakeConformance({ protocol: "pcp", prepare: ({ habits }) => habits.missingDeletion = 8 }),
});

testGatewayConformance({ name: "NAT-PMP", family: "ipv4", open: () => openFakeConformance({ protocol: "nat-pmp" }) });

testGatewayConformance({
  name: "PCP, pinholes",
  family: "ipv6",
  ignore: !hasIpv6Loopback(),
  open: () => openFakeConformance({ protocol: "pcp", address: "::1" }),
});

testGatewayConformance({
  name: "PCP, pinholes of a router that forgets nonces",
  family: "ipv6",
  losesNonces: true,
  ignore: !hasIpv6Loopback(),
  open: () =>
    openFakeConformance({ protocol: "pcp", address: "::1", prepare: ({ habits }) => habits.losesNonces = true }),
});
