/** The fake router of UPnP as the conformance suite takes it. */
import { findUpnp } from "../../../src/gateway/upnp/find.ts";
import { UpnpFirewall } from "../../../src/gateway/upnp/pinhole.ts";
import { FakeClock } from "../clock.ts";
import type { ConformanceRouter } from "./conformance.ts";
import { FakeIgd } from "./igd.ts";

/** Leases of IGDv2 are a week at the most. */
const LONGEST_LEASE_S = 604_800;

/** A router that forwards ports, found by its search. */
export async function openIgdConformance(version: 1 | 2): Promise<ConformanceRouter> {
  const clock = new FakeClock(), igd = new FakeIgd({ version, clock });
  return {
    ...common(igd, clock),
    gateway: await findUpnp({ route: igd.route, search: { port: igd.searchPort, limitMs: 30_000, restMs: 0 } }),
    longestLifetimeS: LONGEST_LEASE_S,
    externalAddress: igd.table.faults.externalAddress,
    table: () =>
      Promise.resolve(igd.table.entries.map(({ protocol, externalPort, client, clientPort }) => ({
        protocol,
        externalPort,
        internal: { address: client, port: clientPort },
      }))),
  };
}

/** A router that makes pinholes. It is spoken to over IPv4, as not every machine has IPv6 on its loopback. */
export function openIgdPinholes(): Promise<ConformanceRouter> {
  const clock = new FakeClock(), igd = new FakeIgd({ clock });
  return Promise.resolve({
    ...common(igd, clock),
    gateway: firewallOf(igd),
    longestLifetimeS: 86_400,
    externalAddress: igd.address,
    table: () =>
      Promise.resolve([...igd.table.pinholes.values()].map(({ protocolNumber, client, clientPort }) => ({
        protocol: protocolNumber === 6 ? "tcp" as const : "udp" as const,
        externalPort: clientPort,
        internal: { address: client, port: clientPort },
      }))),
  });
}

/** The client of a fake router's firewall, called over IPv4. */
export function firewallOf(igd: FakeIgd): UpnpFirewall {
  const control = { address: igd.address, port: igd.httpPort, path: "/control" };
  const service = { type: "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1", control } as const;
  const home = { family: "ipv6", gateway: igd.address, localAddress: igd.address } as const;
  return new UpnpFirewall(service, home, { name: null, exchangeMs: 30_000 });
}

function common(igd: FakeIgd, clock: FakeClock) {
  return {
    shortestLifetimeS: 1,
    mapForAnother(protocol: "tcp" | "udp", externalPort: number) {
      igd.table.put({ protocol, externalPort });
      return Promise.resolve();
    },
    pass(seconds: number) {
      clock.advance(1000 * seconds);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => igd[Symbol.asyncDispose](),
  };
}
