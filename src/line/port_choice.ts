/** Which external port to ask the router for, on a line that may not have every port. Pure. */
import { isWithin, type PortRange, rangeText } from "../port/port.ts";
import type { Line } from "./line.ts";
import { lowestPort, psidOfPort } from "./port_sets.ts";

/** A port that the line can have, as far as is known. */
export interface ChosenPort {
  readonly port: number;
}

/** A port that the line cannot have. */
export interface PortRefusal {
  readonly port: null;
  /** A sentence without full stop: why, and which ports there are. */
  readonly reason: string;
  /** A port that the line has, to be asked for instead; null where it has none. */
  readonly suggestion: number | null;
  /** What there is instead, a few words each, the simplest first. */
  readonly alternatives: readonly string[];
}

/** Options of {@linkcode chooseExternalPort}. */
export interface PortChoiceOptions {
  /** Whether a port is somebody else's already: another one is chosen where any is wanted. @default none is */
  readonly isTaken?: (port: number) => boolean;
}

/** How many ranges a sentence has. */
const RANGES_IN_SENTENCE = 3;

/**
 * Chooses an external port. The same internal port gets the same one again, as long as nothing else changes.
 *
 * @param line is what is known of the line. Where nothing is, every port is allowed.
 * @param wanted is a port that must be that one; null is any.
 */
export function chooseExternalPort(
  line: Pick<Line, "verdict" | "portSet" | "usable" | "externalAddress"> | undefined,
  wanted: number | null,
  internalPort: number,
  { isTaken = () => false }: PortChoiceOptions = {},
): ChosenPort | PortRefusal {
  const usable = line?.usable ?? null;
  if (line === undefined || usable === null) return { port: wanted ?? nextFree(null, internalPort, isTaken) };
  const any = usable.length === 0 ? null : nextFree(usable, internalPort, isTaken);
  if (wanted === null && any !== null) return { port: any };
  if (wanted !== null && isWithin(usable, wanted)) return { port: wanted };
  return {
    port: null,
    reason: any === null ? noPort(line, wanted) : notThis(line, usable, wanted!),
    suggestion: any,
    alternatives: alternativesTo(any),
  };
}

/** A refusal as a sentence without full stop: why, and what there is instead. */
export function refusalText({ reason, alternatives }: PortRefusal): string {
  return `${reason}; instead there is ${alternatives.join(", ")}`;
}

/** Ranges as text, the first ones of many: `4368-4383, 8464-8479, 12560-12575 and 12 more ranges`. */
export function foldRanges(ranges: readonly PortRange[], most = RANGES_IN_SENTENCE): string {
  const shown = ranges.slice(0, most).map(rangeText).join(", ");
  const left = ranges.length - most;
  return left > 0 ? `${shown} and ${left} more range${left === 1 ? "" : "s"}` : shown;
}

/** How many ports ranges have that do not overlap. */
export function countPorts(ranges: readonly PortRange[]): number {
  return ranges.reduce((count, { first, last }) => count + last - first + 1, 0);
}

/** Chosen from where the line has every port. */
const UNPRIVILEGED: readonly PortRange[] = [{ first: 1024, last: 65535 }];

/**
 * The internal port itself where the line has it; else one whose place in the ranges follows from the internal port, so
 * that neighbours get different ones. Where that one is taken, the next.
 *
 * @param usable is null where the line has every port.
 */
function nextFree(
  usable: readonly PortRange[] | null,
  internalPort: number,
  isTaken: (port: number) => boolean,
): number {
  if ((usable === null || isWithin(usable, internalPort)) && !isTaken(internalPort)) return internalPort;
  const ranges = usable ?? UNPRIVILEGED;
  const count = countPorts(ranges);
  for (let i = 0; i < count; i++) {
    const port = portAt(ranges, (internalPort + i) % count);
    if (!isTaken(port)) return port;
  }
  return portAt(ranges, internalPort % count);
}

/** The port at this place when all ranges are one list. */
function portAt(ranges: readonly PortRange[], place: number): number {
  let left = place;
  for (const { first, last } of ranges) {
    if (first + left <= last) return first + left;
    left -= last - first + 1;
  }
  throw new RangeError(`Cannot find port ${place} of ranges with fewer ports`);
}

function notThis({ portSet }: Pick<Line, "portSet">, usable: readonly PortRange[], wanted: number): string {
  const list = `usable are ${foldRanges(usable)}`;
  if (portSet === null) return `${wanted} is no port that this line can have: ${list}`;
  const psid = psidOfPort(wanted, portSet);
  if (psid === undefined) {
    return `${wanted} exists for nobody on this line, as no port below ${lowestPort(portSet)} does: ${list}`;
  }
  return `${wanted} exists only for PSID ${psid}; yours is ${portSet.psid}: ${list}`;
}

function noPort({ externalAddress }: Pick<Line, "externalAddress">, wanted: number | null): string {
  const shared = externalAddress === null ? "an address" : externalAddress;
  const port = wanted === null ? "a port" : String(wanted);
  return `This line cannot have ${port} from outside by IPv4: it shares ${shared} with other subscribers, and the ` +
    "carrier gives out its ports";
}

function alternativesTo(any: number | null): readonly string[] {
  return [
    ...(any === null ? [] : [`port ${any} (--external ${any})`, "any port that the line has (leave --external out)"]),
    "IPv6, where every port is yours (--ipv6)",
    "a contract with an IPv4 address of your own (a fixed address)",
    "a relay: a machine with a public address that passes connections on",
  ];
}
