/** The parts of answers that have a name in the document. */
import {
  DESCRIPTION,
  FIREWALL_STATUS,
  GATEWAY_SIDE,
  GATEWAY_STATUS,
  IMPORT_OUTCOME,
  LEASE_DOCUMENT,
  LISTED_SOCKET,
  MAPPING,
  PORT_SOCKET,
  RULE,
  RULE_WITH_STATE,
  STATUS,
} from "../../src/client/answer_shapes.ts";
import { ADAPTER, ADAPTER_ADDRESS, LINE, NETWORK } from "../../src/client/outside_shapes.ts";
import { ACTIVITY, PORT_MAP } from "../../src/client/page_shapes.ts";
import { REACH_REPORT } from "../../src/client/reach_shape.ts";
import { EXPOSURE, HOLDER, LEASE, LEASE_PAGE, LIFETIME, LISTENER } from "../../src/client/shape.ts";
import { EVENT_COMPONENTS } from "./event_components.ts";
import { SEVERAL_LEASES, SEVERAL_SHORT_LEASES, SHORT_LEASE } from "./grant_shapes.ts";
import { answerPart, type Component } from "./operation.ts";

/** By name. */
export const ANSWER_COMPONENTS: Readonly<Record<string, Component>> = {
  Lease: answerPart(LEASE, "A holder's durable claim on a port. What is not known is null", {
    id: "A ULID",
    name: "`project/name`, or a name alone",
    port: "From 1 to 65535",
    protocols: "`tcp`, `udp` or both on one number",
    state:
      "`granted`: nobody listens yet; `idle`: the listener left and the grace runs; `conflict`: a stranger listens; " +
      "`released`, `revoked`, `expired`: ended",
    hold: "What stands, not what was asked for",
    exposure: "Null until the lease is opened to the outside",
    listener: "Who listens, or of an ended lease who did at the end",
    expiresAt: "Null while nothing ends the lease by time",
    endedAt: "Null while it is live",
  }),
  Holder: answerPart(HOLDER, "Who a lease belongs to, with a process as evidence", {
    id: "Chosen by the client",
    startTime: "With `pid` and `bootId` it names the process for good",
  }),
  LeaseListener: answerPart(LISTENER, "Who listens on the port of a lease", {
    reason: "Why it is not the holder's, in words; null for the holder's",
  }),
  Lifetime: answerPart(LIFETIME, "When a lease ends; durations in milliseconds"),
  Exposure: answerPart(EXPOSURE, "The wish that a lease be reachable from outside"),
  SeveralLeases: answerPart(SEVERAL_LEASES, "Leases in the order in which they were asked for"),
  ShortLease: answerPart(SHORT_LEASE, "A lease of which only id and port are told"),
  SeveralShortLeases: answerPart(SEVERAL_SHORT_LEASES, "The same of several, in the order asked"),
  LeasePage: answerPart(LEASE_PAGE, "A page of leases", {
    next: "The `cursor` of the next page; absent on the last. A page with it may be short, or empty",
  }),
  ListedSocket: answerPart(LISTED_SOCKET, "A socket, with its process and the lease of its port", {
    state: "As netstat names it; empty for UDP",
    pid: "Null where the daemon's user may not see it, or there is none",
    user: "Whose socket it is",
    forwarder: "A program that listens in the place of a container, with what it leads to",
    ofHolder: "Whether a listener is the holder's; null without a lease, and for connections",
  }),
  PortSocket: answerPart(PORT_SOCKET, "A socket of one port, with more of its process", {
    reason: "Why a listener is not the holder's, in words",
    ancestors: "The processes that it descends from, the parent first",
  }),
  PortDescription: answerPart(DESCRIPTION, "All about one port", {
    sentence: "The verdict for a person",
    advice: "A sentence or a command each",
    services: "What IANA has registered",
    developmentUse: "What developers use it for by habit",
    privileged: "Listening on it takes an administrator's rights",
    pooled: "The pool has it",
    quarantined: "Withheld from dynamic grants for a while",
    ephemeral: "The system hands it out by itself",
    reserved: "The system was told not to hand it out",
    listeners: "The sockets that listen on it",
    connections: "All others whose local port it is",
  }),
  PortMap: answerPart(PORT_MAP, "The state of every port from 0 to 65535", {
    version: "Differs whenever anything else here does",
    letters: "Each state with its letter, the strongest state last",
    tcp: "Run lengths: how many ports in a row, and the letter of their state",
    udp: "The same for UDP",
    counts: "How many ports of each state there are",
    pool: "As configured; registered ports in it are not granted",
    unprivilegedFrom: "Below it listening takes an administrator's rights",
    line: "What is known of the line; null where nobody has asked for it since the start",
    usable: "The external ports that the line can have; null where it can have every port, or that is not known",
  }),
  Activity: answerPart(ACTIVITY, "What happened in each minute of the last hour, or since the start", {
    since: "When the daemon began to count",
    until: "When the last minute ends so far",
    releases: "All ends of leases",
  }),
  ReachReport: answerPart(REACH_REPORT, "What lies between a port and others, from the inside out", {
    broken: "The innermost layer that fails",
    external: "Where others would reach it",
  }),
  Rule: answerPart(RULE, "A rule of the host's firewall"),
  RuleWithState: answerPart(RULE_WITH_STATE, "A rule that a lease wants, with its state after the last sync"),
  FirewallStatus: answerPart(FIREWALL_STATUS, "The rules that are wanted, those that are there, and the difference", {
    backend: "The firewall that governs the host; null while none was needed",
    actual: "Rules with portd's mark; null when they are not known",
    drifted: "Names of rules that were changed or deleted by hand",
    remarks: "What keeps rules from working, or makes them needless",
    foreign: "How many rules belong to others",
  }),
  GatewaySide: answerPart(GATEWAY_SIDE, "The router of one family"),
  Mapping: answerPart(MAPPING, "A port of the router that leads to a lease", {
    wantedPort: "Null is any",
    external: "What was granted; null before, its address null where the router hides it",
    reason: "Why it is not `set`, or what is odd about it",
    expiresAt: "When the router ends it unless it is renewed; null before, and where it has no end",
  }),
  GatewayStatus: answerPart(GATEWAY_STATUS, "The router, and the mappings that leases want", {
    faults: "What keeps mappings from being made, a sentence each",
  }),
  AdapterAddress: answerPart(ADAPTER_ADDRESS, "An address of an adapter", {
    prefix: "How many bits are the network's",
    isTemporary: "It changes by itself (RFC 8981)",
  }),
  Adapter: answerPart(ADAPTER, "An adapter of this machine", {
    managedBy: "Who configures it",
    profile: "What that one calls its configuration",
  }),
  NetworkFacts: answerPart(NETWORK, "The adapters, and the way to the internet", {
    fixCommands: "The commands that would fix the IPv4 address of the internet's adapter; portd runs none of them",
  }),
  Line: answerPart(LINE, "Which external ports the internet access can have", {
    doubts: "What speaks against the verdict, a sentence each",
    usable: "Ascending ranges; null where every port can be had, or nothing is known",
    samples: "What the STUN server saw; empty where nobody was asked",
  }),
  DaemonStatus: answerPart(STATUS, "Version, counts and warnings of the daemon", {
    leases: "Live leases by state, and all of them as `live`",
    holds: "`missing`: leases that should have a hold and have none, though nobody is known to listen",
    wsl: "What WSL the daemon runs in; null where it is none",
  }),
  LeaseDocument: answerPart(LEASE_DOCUMENT, "All live leases, and the ports of names"),
  ImportOutcome: answerPart(IMPORT_OUTCOME, "Which leases were taken in, and which were not, and why"),
  ...EVENT_COMPONENTS,
};
