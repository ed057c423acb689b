/** The shapes of what the dashboard shows beside leases. docs/api.md describes the members. */
import { MAP_LETTERS, MAP_STATES, type MapState, type PortMap } from "../inspect/port_map.ts";
import type { Activity } from "../lease/activity.ts";
import { LINE_VERDICTS } from "../line/line.ts";
import type { PortRange, Protocol } from "../port/port.ts";
import type { DashboardCode } from "./wire.ts";
import { INSTANT, listOf, nullable, object, oneOf, PORT, type Shape, textLike, value, wholeNumber } from "./shape.ts";

/** Far more ranges than anybody sets. */
const MOST_RANGES = 65_536;
const ALL_PORTS = 65_536;

const RANGES = listOf(object<PortRange>({ first: PORT, last: PORT }), MOST_RANGES);
/** One letter and one digit for each port at most. */
const MOST_RUN_CHARACTERS = 2 * ALL_PORTS;
const RUN = new RegExp(`^(?:\\d{1,5}[${Object.values(MAP_LETTERS).join("")}])+$`);
const RUNS = value<string>(
  "run lengths with letters",
  { type: "string", pattern: RUN.source },
  (runs) => typeof runs === "string" && runs.length <= MOST_RUN_CHARACTERS && RUN.test(runs),
);
const COUNT = wholeNumber(0, ALL_PORTS, "a number of ports");

/** A member for each state. */
function ofEachState<T>(shapeOf: (state: MapState) => Shape<T>): Shape<Readonly<Record<MapState, T>>> {
  const members = Object.fromEntries(MAP_STATES.map((state) => [state, shapeOf(state)]));
  return object(members as Parameters<typeof object<Readonly<Record<MapState, T>>>>[0]);
}

const COUNTS = ofEachState(() => COUNT);

/** `GET /ports/map`. */
export const PORT_MAP: Shape<PortMap> = object<PortMap>({
  version: textLike(/^[!-~]{1,100}$/, "a version"),
  letters: ofEachState((state) => oneOf(MAP_LETTERS[state] as string)),
  tcp: RUNS,
  udp: RUNS,
  counts: object<Readonly<Record<Protocol, Readonly<Record<MapState, number>>>>>({ tcp: COUNTS, udp: COUNTS }),
  pool: RANGES,
  ephemeral: RANGES,
  unprivilegedFrom: wholeNumber(0, ALL_PORTS, "a port number"),
  line: nullable(oneOf(...LINE_VERDICTS)),
  usable: nullable(RANGES),
});

const MOST_BUCKETS = 1000;
const HAPPENED = listOf(wholeNumber(0, Number.MAX_SAFE_INTEGER, "a count"), MOST_BUCKETS);

/** `GET /activity`. */
export const ACTIVITY: Shape<Activity> = object<Activity>({
  since: INSTANT,
  until: INSTANT,
  bucketMs: wholeNumber(1, Number.MAX_SAFE_INTEGER, "a number of milliseconds"),
  grants: HAPPENED,
  releases: HAPPENED,
  refusals: HAPPENED,
});

/** `POST /dashboard/codes`. */
export const DASHBOARD_CODE: Shape<DashboardCode> = object<DashboardCode>({
  code: textLike(/^[0-9a-f]{32,200}$/, "a code of hexadecimal digits"),
  expiresAt: INSTANT,
});
