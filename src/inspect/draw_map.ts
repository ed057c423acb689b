/** Makes the map of all ports. Pure. */
import type { LiveState } from "../lease/lease.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Line } from "../line/line.ts";
import { ephemeralRanges, type OsPorts } from "../os/ports.ts";
import type { SocketRow } from "../os/socket.ts";
import { HIGHEST_PORT, type PortRange, type Protocol, PROTOCOLS } from "../port/port.ts";
import { MAP_LETTERS, MAP_STATES, type MapState, type PortMap } from "./port_map.ts";

/** What is known of the ports at one moment. */
export interface MapFacts {
  readonly os: Pick<OsPorts, "ephemeral" | "otherEphemeral" | "reserved" | "excluded" | "unprivilegedFrom">;
  /** The pool as it is configured, and its members. */
  readonly pool: readonly PortRange[];
  readonly members: readonly number[];
  /** The exclusions of the configuration. */
  readonly exclude: readonly PortRange[];
  readonly isWithheld: (port: number, protocol: Protocol) => boolean;
  readonly listeners: readonly Pick<SocketRow, "protocol" | "localPort">[];
  readonly leases: Iterable<Pick<LeaseRecord, "port" | "protocols" | "state">>;
  readonly line: Pick<Line, "verdict" | "usable"> | undefined;
}

const PORTS = HIGHEST_PORT + 1;
/** A port is one byte: the place of its state among all of them. */
const PLACES = Object.fromEntries(MAP_STATES.map((state, place) => [state, place])) as Record<MapState, number>;
const LETTERS = MAP_STATES.map((state) => MAP_LETTERS[state]);

/** The places of the states of leases. */
const LEASE_PLACES: Readonly<Record<LiveState, number>> = {
  granted: PLACES.leased,
  idle: PLACES.leased,
  listening: PLACES.listening,
  conflict: PLACES.conflict,
};

/** Makes the map, without its version. Takes some milliseconds, also where every port is leased. */
export function drawMap(facts: MapFacts): Omit<PortMap, "version"> {
  const { os, pool, line } = facts;
  const states = statesOf(facts);
  return {
    letters: MAP_LETTERS,
    tcp: runsOf(states.tcp),
    udp: runsOf(states.udp),
    counts: { tcp: countsOf(states.tcp), udp: countsOf(states.udp) },
    pool,
    ephemeral: ephemeralRanges(os),
    unprivilegedFrom: os.unprivilegedFrom,
    line: line?.verdict ?? null,
    usable: line?.usable ?? null,
  };
}

/** The state of each port, the weaker ones first: what comes later replaces them. */
function statesOf(facts: MapFacts): Readonly<Record<Protocol, Uint8Array>> {
  const states = { tcp: unleased("tcp", facts), udp: unleased("udp", facts) };
  for (const { port, protocols, state } of facts.leases) {
    const place = LEASE_PLACES[state as LiveState];
    for (const protocol of protocols) states[protocol][port] = place;
  }
  for (const protocol of PROTOCOLS) states[protocol][0] = PLACES.none;
  return states;
}

/** The state of each port as if nothing was leased. */
function unleased(protocol: Protocol, { os, members, exclude, isWithheld, listeners }: MapFacts): Uint8Array {
  const states = new Uint8Array(PORTS).fill(PLACES.free);
  const paint = (ranges: readonly PortRange[], state: MapState) => {
    for (const { first, last } of ranges) states.fill(PLACES[state], first, last + 1);
  };
  paint(ephemeralRanges(os), "ephemeral");
  paint(os.reserved, "free");
  for (const port of members) states[port] = isWithheld(port, protocol) ? PLACES.quarantined : PLACES.pool;
  paint([...exclude, ...os.excluded.filter((range) => range.protocol === protocol)], "excluded");
  for (const { protocol: own, localPort } of listeners) if (own === protocol) states[localPort] = PLACES.used;
  return states;
}

function runsOf(states: Uint8Array): string {
  let text = "";
  for (let first = 0, port = 1; port <= PORTS; port++) {
    if (port < PORTS && states[port] === states[first]) continue;
    text += port - first + LETTERS[states[first]!]!;
    first = port;
  }
  return text;
}

function countsOf(states: Uint8Array): Record<MapState, number> {
  const counts = new Uint32Array(MAP_STATES.length);
  for (const state of states) counts[state]!++;
  return Object.fromEntries(MAP_STATES.map((state, place) => [state, counts[place]!])) as Record<MapState, number>;
}
