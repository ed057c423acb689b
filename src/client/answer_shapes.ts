/** The shapes of the daemon's answers besides leases. docs/api.md describes the members. */
import type { Lease } from "../lease/lease.ts";
import type { LastSync, RuleWithState } from "../firewall/plan.ts";
import type { ActualRule, Rule, RuleEvent } from "../firewall/rule.ts";
import { FAMILIES, GATEWAY_PROTOCOLS, type SocketAddress } from "../gateway/gateway.ts";
import {
  type GatewaySide,
  type GatewayStatus,
  type Mapping,
  MAPPING_EVENT_TYPES,
  MAPPING_STATES,
} from "../gateway/mapping.ts";
import { type PortDescription, type PortSocket, VERDICTS } from "../inspect/description.ts";
import { LEASE_EVENT_TYPES, LISTENER_EVENT_TYPES } from "../lease/events.ts";
import type { ListedSocket } from "../listener/listener.ts";
import type { Wsl } from "../os/linux/wsl.ts";
import { TCP_STATES } from "../os/socket.ts";
import { HIGHEST_PORT, PORT_CLASSES, type PortRange } from "../port/port.ts";
import { LINE } from "./outside_shapes.ts";
import {
  type AnyShape,
  DIRECTION,
  DURATION,
  EXPOSURE,
  flag,
  INSTANT,
  LEASE,
  LEASE_ID,
  leaseOn,
  listOf,
  LONG_TEXT,
  nullable,
  object,
  oneOf,
  optional,
  PID,
  PORT,
  PROFILES,
  PROTOCOL,
  recordOf,
  REMOTE,
  type Shape,
  text,
  textLike,
  wholeNumber,
} from "./shape.ts";
import type { DaemonStatus, FirewallStatus, ImportOutcome, LeaseDocument, LeaseEvent, ListenerEvent } from "./wire.ts";

const NULLABLE_TEXT = nullable(LONG_TEXT);
const COUNT = wholeNumber(0, Number.MAX_SAFE_INTEGER, "a count");
/** The port of one end of a socket; 0 where that end has none. */
const ENDPOINT_PORT = wholeNumber(0, HIGHEST_PORT, "a port number");
/** The process of a listener, which can be ended. */
const LISTENER_PID = wholeNumber(1, 0xffffffff, "a process id");

/** Far more sockets than a machine can have. */
const MOST_SOCKETS = 1_000_000;
/** More processes than a server forks to share one port. */
const MOST_LISTENERS = 10_000;
/** One for each protocol. */
const MOST_LEASES_OF_PORT = 2;
const MOST_RULES = 200_000;
/** For sentences, services and the like. */
const MOST_LINES = 10_000;

const LINES = listOf(LONG_TEXT, MOST_LINES);
const NAMES = listOf(text(1000), MOST_RULES);

const RANGE = object<PortRange>({ first: ENDPOINT_PORT, last: ENDPOINT_PORT });

/** `GET /status`. */
export const STATUS: Shape<DaemonStatus> = object<DaemonStatus>({
  name: oneOf("portd"),
  version: text(100),
  pid: LISTENER_PID,
  startedAt: INSTANT,
  uptimeMs: DURATION,
  stateDir: LONG_TEXT,
  user: NULLABLE_TEXT,
  leases: recordOf(COUNT, 100),
  pool: object({ size: COUNT, free: COUNT, quarantined: COUNT }),
  holds: object({ kept: COUNT, limit: COUNT, missing: COUNT }),
  ephemeral: RANGE,
  wsl: optional(nullable(object<Wsl>({ version: oneOf(1, 2), networking: oneOf("shared", "mirrored", "nat") }))),
  warnings: LINES,
});

/** A lease that is to be reachable from outside. */
export const EXPOSED_LEASE: Shape<Lease> = {
  schema: LEASE.schema,
  faultOf: (value) => LEASE.faultOf(value) ?? object({ exposure: EXPOSURE }).faultOf(value),
};

/** The members of a socket; what `port` and `pid` must be depends on the call. */
function socketMembers(port: Shape<number>, pid: Shape<number>) {
  return {
    protocol: PROTOCOL,
    family: oneOf(4, 6),
    localAddress: text(200),
    localPort: port,
    remoteAddress: text(200),
    remotePort: ENDPOINT_PORT,
    state: oneOf("", ...TCP_STATES),
    pid: nullable(pid),
    user: optional(NULLABLE_TEXT),
    process: nullable(object({ command: NULLABLE_TEXT, cwd: NULLABLE_TEXT, user: NULLABLE_TEXT })),
    forwarder: nullable(
      object({ program: text(1000), target: nullable(object({ address: text(1000), port: ENDPOINT_PORT })) }),
    ),
    ofHolder: nullable(flag),
    lease: nullable(object({ id: LEASE_ID, name: nullable(text(1000)), state: text(100) })),
  };
}

/** One of `GET /listeners`. */
export const LISTED_SOCKET: Shape<ListedSocket> = object<ListedSocket>(socketMembers(ENDPOINT_PORT, PID));

/** `GET /listeners`. */
export const SOCKETS: Shape<{ readonly listeners: readonly ListedSocket[] }> = object({
  listeners: listOf(LISTED_SOCKET, MOST_SOCKETS),
});

function portSocket(port: Shape<number>, pid: Shape<number>): Shape<PortSocket> {
  return object<PortSocket>({
    ...socketMembers(port, pid),
    startTime: NULLABLE_TEXT,
    bootId: NULLABLE_TEXT,
    startedAt: nullable(INSTANT),
    reason: NULLABLE_TEXT,
    ancestors: listOf(object({ pid: PID, command: NULLABLE_TEXT }), MOST_LINES),
  });
}

/** One of `GET /ports/{port}`. */
export const PORT_SOCKET: Shape<PortSocket> = portSocket(ENDPOINT_PORT, PID);

const RULE_MEMBERS = {
  name: text(1000),
  direction: DIRECTION,
  protocol: PROTOCOL,
  port: PORT,
  profiles: PROFILES,
  remote: REMOTE,
  displayName: LONG_TEXT,
};
/** A rule of the firewall. */
export const RULE: Shape<Rule> = object<Rule>(RULE_MEMBERS);
/** A rule that is wanted. */
export const RULE_WITH_STATE: Shape<RuleWithState> = object<RuleWithState>({
  ...RULE_MEMBERS,
  state: oneOf("set", "not_needed", "missing", "failed", "unknown"),
});

/** `GET /ports/{port}` for this port: an answer about another one is refused. */
export function descriptionOf(port: number): Shape<PortDescription> {
  const same: Shape<number> = { faultOf: oneOf(port).faultOf, schema: ENDPOINT_PORT.schema };
  return portDescription(same, leaseOn(same), portSocket(same, LISTENER_PID), portSocket(same, PID));
}

function portDescription(
  port: Shape<number>,
  lease: Shape<Lease>,
  listener: Shape<PortSocket>,
  connection: Shape<PortSocket>,
): Shape<PortDescription> {
  return object<PortDescription>({
    port,
    class: oneOf(...PORT_CLASSES),
    verdict: oneOf(...VERDICTS),
    sentence: LONG_TEXT,
    advice: LINES,
    services: listOf(object({ protocol: PROTOCOL, name: text(1000), description: LONG_TEXT }), MOST_LINES),
    developmentUse: NULLABLE_TEXT,
    privileged: flag,
    pooled: flag,
    quarantined: flag,
    ephemeral: flag,
    reserved: flag,
    exclusions: listOf(
      object({
        first: ENDPOINT_PORT,
        last: ENDPOINT_PORT,
        by: oneOf("configuration", "windows"),
        protocols: listOf(PROTOCOL, 2),
      }),
      MOST_LINES,
    ),
    leases: listOf(lease, MOST_LEASES_OF_PORT),
    rules: listOf(RULE_WITH_STATE, MOST_LINES),
    listeners: listOf(listener, MOST_LISTENERS),
    connections: listOf(connection, MOST_SOCKETS),
  });
}

/** `GET /ports/{port}`, whatever port was asked for. */
export const DESCRIPTION: Shape<PortDescription> = portDescription(ENDPOINT_PORT, LEASE, PORT_SOCKET, PORT_SOCKET);

/** `GET /firewall` and `POST /firewall/sync`. */
export const FIREWALL_STATUS: Shape<FirewallStatus> = object<FirewallStatus>({
  dryRun: optional(flag),
  backend: nullable(text(100)),
  desired: optional(listOf(RULE_WITH_STATE, MOST_RULES)),
  last: optional(nullable(object<LastSync>({ at: INSTANT, error: NULLABLE_TEXT }))),
  error: optional(NULLABLE_TEXT),
  lacksRights: optional(flag),
  actual: nullable(listOf(object<ActualRule>({ name: text(1000), rule: optional(RULE) }), MOST_RULES)),
  difference: nullable(object({ add: NAMES, change: NAMES, remove: NAMES })),
  drifted: NAMES,
  remarks: LINES,
  foreign: nullable(COUNT),
});

/** A lease has at most four mappings: two protocols in two families. */
const MOST_MAPPINGS = 524_288;
const VIA = oneOf(...GATEWAY_PROTOCOLS);
/** The router of one family. */
export const GATEWAY_SIDE: Shape<GatewaySide> = object<GatewaySide>({
  family: oneOf(...FAMILIES),
  protocol: VIA,
  address: text(200),
  name: nullable(text(1000)),
  externalAddress: nullable(text(200)),
});

/** A mapping of the router. */
export const MAPPING: Shape<Mapping> = object<Mapping>({
  leaseId: LEASE_ID,
  lease: text(1000),
  family: oneOf(...FAMILIES),
  protocol: PROTOCOL,
  internal: object<SocketAddress>({ address: text(200), port: PORT }),
  wantedPort: nullable(PORT),
  external: nullable(object({ address: nullable(text(200)), port: PORT })),
  state: oneOf(...MAPPING_STATES),
  reason: NULLABLE_TEXT,
  via: nullable(VIA),
  expiresAt: nullable(INSTANT),
});

/** `GET /gateway` and `POST /gateway/sync`. */
export const GATEWAY_STATUS: Shape<GatewayStatus> = object<GatewayStatus>({
  ipv4: nullable(GATEWAY_SIDE),
  ipv6: nullable(GATEWAY_SIDE),
  mappings: listOf(MAPPING, MOST_MAPPINGS),
  faults: LINES,
});

/** `GET /export`. */
export const LEASE_DOCUMENT: Shape<LeaseDocument> = object<LeaseDocument>({
  version: oneOf(1),
  exportedAt: optional(INSTANT),
  leases: listOf(LEASE, 131_072),
  names: recordOf(PORT, 1_000_000),
});

/** `POST /import`. */
export const IMPORT_OUTCOME: Shape<ImportOutcome> = object<ImportOutcome>({
  imported: listOf(LEASE_ID, 131_072),
  skipped: listOf(object({ id: LEASE_ID, code: text(100), detail: LONG_TEXT }), 131_072),
});

/** `DELETE /leases?label=`. */
export const RELEASED: Shape<{ readonly released: readonly string[] }> = object({
  released: listOf(LEASE_ID, 131_072),
});

/** `POST /stop`. */
export const STOPPING: Shape<{ readonly status: "stopping" }> = object({ status: oneOf("stopping") });

const LEASE_EVENT = object<Omit<LeaseEvent, "id" | "type">>({ at: INSTANT, lease: LEASE });
const LISTENER_EVENT = object<Omit<ListenerEvent, "id" | "type">>({ at: INSTANT, listener: LISTED_SOCKET });
const RULE_EVENT = object({ at: INSTANT, rule: RULE });
const MAPPING_EVENT = object({ at: INSTANT, mapping: MAPPING });
const RULE_EVENTS: Readonly<Record<RuleEvent["type"], AnyShape>> = {
  "rule.added": RULE_EVENT,
  "rule.drifted": RULE_EVENT,
  "rule.removed": object({ at: INSTANT, name: LONG_TEXT }),
  "rule.failed": object({ at: INSTANT, reason: LONG_TEXT }),
};

/** The data of each event, by its type. An event of another type comes from a newer daemon. */
export const EVENTS: ReadonlyMap<string, AnyShape> = new Map([
  ...LEASE_EVENT_TYPES.map((type) => [type, LEASE_EVENT] as const),
  ...LISTENER_EVENT_TYPES.map((type) => [type, LISTENER_EVENT] as const),
  ...Object.entries(RULE_EVENTS),
  ...MAPPING_EVENT_TYPES.map((type) => [type, MAPPING_EVENT] as const),
  ["line.changed", object({ at: INSTANT, line: LINE })],
]);

/** The id of an event, as it is sent back in a header. */
export const EVENT_ID: Shape<string> = textLike(/^[!-~]{0,100}$/, "at most 100 visible ASCII characters");
