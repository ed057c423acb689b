/** Which ports the pool has: the configured ranges without those that are never granted dynamically. */
import type { OsPorts } from "../os/ports.ts";
import { isKnown } from "../port/iana.ts";
import type { PortRange } from "../port/port.ts";

/** Options of {@linkcode poolPorts}. */
export interface PoolOptions {
  readonly pool: readonly PortRange[];
  readonly exclude: readonly PortRange[];
  readonly os: Pick<OsPorts, "ephemeral" | "reserved" | "excluded">;
  /** Whether a hold keeps the OS from handing out a port of the ephemeral range that is leased. */
  readonly hasHolds: boolean;
}

/** The pool, and what an operator should know of it. */
export interface PoolPorts {
  /** Ascending. */
  readonly ports: readonly number[];
  readonly warnings: readonly string[];
}

/**
 * Puts the pool together. Ports with an IANA service or a well-known development use are left out, unless that would
 * leave nothing, as with a small pool that was chosen on purpose.
 */
export function poolPorts({ pool, exclude, os, hasHolds }: PoolOptions): PoolPorts {
  const warnings: string[] = [];
  let ports = [...new Set(pool.flatMap(portsOf))].filter((port) => !isWithin(exclude, port));
  const withoutOs = ports.filter((port) => !isWithin(os.excluded, port));
  if (withoutOs.length < ports.length) {
    warnings.push(`${ports.length - withoutOs.length} ports of the pool are excluded by the system: they are left out`);
    ports = withoutOs;
  }
  const isHandedOut = (port: number) => contains(os.ephemeral, port) && !isWithin(os.reserved, port);
  const met = ports.filter(isHandedOut).length;
  if (met > 0) {
    const range = `${os.ephemeral.first}-${os.ephemeral.last}`;
    const consequence = hasHolds
      ? "between leases the OS may give them to others"
      : "without holds they are never granted dynamically";
    warnings.push(`${met} ports of the pool lie in the ephemeral range ${range}: ${consequence}`);
    if (!hasHolds) ports = ports.filter((port) => !isHandedOut(port));
  }
  const unknown = ports.filter((port) => !isKnown(port));
  if (unknown.length > 0) ports = unknown;
  else if (ports.length > 0) {
    warnings.push("every port of the pool is registered for a service: they are granted all the same");
  }
  if (ports.length === 0) warnings.push("the pool is empty: only ports asked for by number can be granted");
  return { ports: ports.sort((a, b) => a - b), warnings };
}

/** Whether a port lies in any of the ranges. */
export function isWithin(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some((range) => contains(range, port));
}

/** Whether a port lies in a range. */
export function contains({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last;
}

function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
