/** What a daemon answers of its router, for tests of the words that commands have for it. */
import type { GatewaySide, GatewayStatus, Lease, Mapping } from "../../../src/client/client.ts";
import type { FakeDaemon } from "../fake_daemon.ts";
import type { Reply } from "../raw_server.ts";

export const ROUTER: GatewaySide = {
  family: "ipv4",
  protocol: "upnp",
  address: "192.168.1.1",
  name: "Home Gateway",
  externalAddress: "203.0.113.7",
};
export const IPV6_ROUTER: GatewaySide = {
  family: "ipv6",
  protocol: "pcp",
  address: "fe80::1%eth0",
  name: null,
  externalAddress: null,
};
/** When a router ends a mapping that is not renewed. */
export const ENDS_AT = "2026-11-23T22:20:36.000Z";

/** A mapping of a lease's first protocol as the router of {@linkcode ROUTER} grants it. @param part is what is not so. */
export function mappingOf(lease: Lease, part: Partial<Mapping> = {}): Mapping {
  const { family = "ipv4" } = part, port = lease.port;
  const address = family === "ipv4" ? "192.168.1.20" : "2400:db80::20";
  const external = { address: family === "ipv4" ? "203.0.113.7" : address, port };
  return {
    leaseId: lease.id,
    lease: lease.name ?? lease.id,
    family,
    protocol: lease.protocols[0]!,
    internal: { address, port },
    wantedPort: lease.exposure?.gateway?.externalPort ?? null,
    external,
    state: "set",
    reason: null,
    via: family === "ipv4" ? "upnp" : "pcp",
    expiresAt: ENDS_AT,
    ...part,
  };
}

/** What a daemon knows of the router. */
export interface GatewayAnswers {
  /** The router of each family. */
  readonly ipv4?: GatewaySide | null;
  readonly ipv6?: GatewaySide | null;
  readonly faults?: readonly string[];
  /** The mappings that a live lease with a wish for them has. */
  readonly mappings: (lease: Lease) => readonly Mapping[];
  /** Those of a lease that has none any more. @default none */
  readonly left?: (lease: Lease) => readonly Mapping[];
  /** Awaited by a sync before it answers. */
  readonly gate?: Promise<void>;
}

/** Has a daemon answer this of its router. */
export function answerGateway(daemon: FakeDaemon, answers: GatewayAnswers): void {
  const status = (): GatewayStatus => {
    const { ipv4 = ROUTER, ipv6 = null, faults = [], mappings, left = () => [] } = answers;
    const each = (lease: Lease) => (lease.exposure?.gateway && lease.endedAt === null ? mappings : left)(lease);
    return { ipv4, ipv6, faults, mappings: daemon.leases.flatMap(each) };
  };
  daemon.fault = ({ method, path }): Promise<Reply> | undefined => {
    if (method === "GET" && path === "/v1/gateway") return Promise.resolve(Response.json(status()));
    if (method !== "POST" || path !== "/v1/gateway/sync") return undefined;
    return (answers.gate ?? Promise.resolve()).then(() => Response.json(status()));
  };
}

/** The port of {@linkcode leaseGame}. */
export const GAME_PORT = 25565;

/** Has a daemon answer this of each mapping that a lease wants by IPv4. @param part is what is not as usual of it. */
export function answerEach(daemon: FakeDaemon, part: Partial<Mapping> = {}, rest: Partial<GatewayAnswers> = {}): void {
  answerGateway(daemon, {
    mappings: (lease) => lease.protocols.map((protocol) => mappingOf(lease, { protocol, ...part })),
    ...rest,
  });
}

/** A pinned lease "shop/game", on which a server listens for everybody. */
export async function leaseGame(daemon: FakeDaemon): Promise<Lease> {
  const lifetime = { kind: "pinned" } as const;
  const lease = await daemon.grant({ name: "game", project: "shop", port: GAME_PORT, lifetime });
  daemon.machine.start(4711);
  daemon.machine.listen({ protocol: "tcp", port: GAME_PORT }, { pid: 4711 });
  return lease;
}
