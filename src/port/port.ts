/** Ports, protocols and ranges: what everything else is about, and the one reader of each. Imports nothing of ours. */

/** The transport protocols that have ports. */
export const PROTOCOLS = ["tcp", "udp"] as const;

/** A transport protocol that has ports. */
export type Protocol = (typeof PROTOCOLS)[number];

/** A range of ports, both ends inclusive. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A port with its protocol. */
export interface Endpoint {
  readonly protocol: Protocol;
  readonly port: number;
}

/** A service that IANA has registered for a port. */
export interface RegisteredService {
  readonly protocol: Protocol;
  readonly name: string;
  readonly description: string;
}

/** The classes of ports, RFC 6335 section 6, after `reserved` for 0, which is not a port. */
export const PORT_CLASSES = ["reserved", "system", "user", "dynamic"] as const;

/** The class of a port. */
export type PortClass = (typeof PORT_CLASSES)[number];

/** The largest port number. */
export const HIGHEST_PORT = 65535;

/** What {@linkcode isPort} and {@linkcode readPort} accept, for messages. */
export function portExpected(least: 0 | 1 = 1): string {
  return `a port from ${least} to ${HIGHEST_PORT}`;
}

/** What {@linkcode readRange} accepts, for messages. */
export const RANGE_EXPECTED = "a range of ports like 3000-3999";

/** Whether a value is a port number. @param least is 0 where 0 is accepted, which stands for any port. */
export function isPort(value: unknown, least: 0 | 1 = 1): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= HIGHEST_PORT;
}

/** Reads a port. @returns `undefined` when the text is not {@linkcode portExpected}. */
export function readPort(text: string, least: 0 | 1 = 1): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  return isPort(port, least) ? port : undefined;
}

/** Reads a range. @returns `undefined` when the text is not {@linkcode RANGE_EXPECTED}. */
export function readRange(text: string): PortRange | undefined {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  return rangeOf(Number(first), Number(last));
}

/** Reads a range, or one port as a range of one: `9000-9010`, `8080`. */
export function readPortOrRange(text: string): PortRange | undefined {
  const port = readPort(text);
  return port === undefined ? readRange(text) : { first: port, last: port };
}

/** A range of two ports. @returns `undefined` when one of them is not a port or the first is above the last. */
export function rangeOf(first: number, last: number): PortRange | undefined {
  return isPort(first) && isPort(last) && first <= last ? { first, last } : undefined;
}

/** A range as text: `9000-9010`, or `8080` for a range of one port. */
export function rangeText({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** Whether a port is in a range. */
export function contains({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last;
}

/** Whether a port is in any of the ranges. */
export function isWithin(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some((range) => contains(range, port));
}
