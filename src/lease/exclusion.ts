/** The ports of the pool: the configured ranges without those that are never granted dynamically. */
import { ephemeralRanges, type OsPorts } from "../os/ports.ts";
import { isKnown } from "../port/iana.ts";
import { contains, isWithin, type PortRange, rangeText } from "../port/port.ts";

/** Options of {@linkcode poolPorts}. */
export interface PoolOptions {
  readonly pool: readonly PortRange[];
  readonly exclude: readonly PortRange[];
  readonly os: Omit<OsPorts, "unprivilegedFrom" | "kernelPid">;
  /** Whether a hold keeps the OS from handing out a port of the ephemeral range that is leased. */
  readonly hasHolds: boolean;
  /** Whether a portd on Windows may grant ports of the same machine. @default false */
  readonly isWsl?: boolean;
}

/** The default pool, which portd on Windows has. */
const WINDOWS_POOL: PortRange = { first: 20_000, last: 29_999 };

/** The ports of the pool, and what an operator should know about them. */
export interface PoolPorts {
  /** Ascending. */
  readonly ports: readonly number[];
  readonly warnings: readonly string[];
}

/**
 * Determines the ports of the pool. Ports with an IANA service or a well-known development use are left out, unless
 * nothing would remain, as with a small pool that was chosen on purpose. Ports that some programs cannot bind are left out
 * where they are no more than half of the pool.
 */
export function poolPorts({ pool, exclude, os, hasHolds, isWsl = false }: PoolOptions): PoolPorts {
  const warnings = [...os.warnings ?? []];
  let ports = [...new Set(pool.flatMap(portsOf))].filter((port) => !isWithin(exclude, port));
  const withoutOs = ports.filter((port) => !isWithin(os.excluded, port));
  if (withoutOs.length < ports.length) {
    warnings.push(`${ports.length - withoutOs.length} ports of the pool are excluded by the system and left out`);
    ports = withoutOs;
  }
  const ephemeral = ephemeralRanges(os);
  const isHandedOut = (port: number) => isWithin(ephemeral, port) && !isWithin(os.reserved, port);
  const met = ports.filter(isHandedOut).length;
  if (met > 0) {
    const consequence = hasHolds
      ? "while they are not leased, the OS may give them to others"
      : "without holds they are never granted dynamically";
    warnings.push(
      `${met} ports of the pool are in the ephemeral range ${ephemeral.map(rangeText).join(" or ")}: ${consequence}`,
    );
    if (!hasHolds) ports = ports.filter((port) => !isHandedOut(port));
  }
  const open = ports.filter((port) => !isWithin(os.avoided ?? [], port));
  if (2 * open.length >= ports.length) ports = open;
  if (isWsl && ports.some((port) => contains(WINDOWS_POOL, port))) {
    warnings.push(
      `the pool meets ${rangeText(WINDOWS_POOL)}, which portd on Windows has: both may grant the same port`,
    );
  }
  const unknown = ports.filter((port) => !isKnown(port));
  if (unknown.length > 0) ports = unknown;
  else if (ports.length > 0) {
    warnings.push("every port of the pool is registered for a service; they are granted nevertheless");
  }
  if (ports.length === 0) warnings.push("the pool is empty: only ports asked for by number can be granted");
  return { ports: ports.sort((a, b) => a - b), warnings };
}

function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Who excludes a port that the system gives to nobody. Windows names nobody: it gives ranges to its own services. */
export function excluderOf(port: number, { excluded }: Pick<OsPorts, "excluded">): string {
  const range = excluded.find((each) => contains(each, port));
  return range === undefined
    ? "the system"
    : `Windows (${rangeText(range)}/${range.protocol}, for Hyper-V, WinNAT or another of its services)`;
}
