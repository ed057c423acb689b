/** How a NAT chose external ports, as samples show it. Pure. */
import type { PortRange } from "../port/port.ts";
import type { PortSet, StunSample } from "./line.ts";
import { blockOf, DIVISIONS, psidOfPort } from "./port_sets.ts";

/** What samples have in common. */
export interface Pattern {
  /** Whether the NAT keeps the number of a local port where it can. */
  readonly keepsPorts: boolean;
  /** The port set of MAP-E in which all are, in two blocks or more; null where there is none. */
  readonly portSet: PortSet | null;
  /** By how much each port is above the one before, modulo 65,536; null where that differs. */
  readonly step: number | null;
  /** Whether the ports have bits in common that no {@linkcode DIVISIONS} explain, behind bits that differ. */
  readonly isOtherPortSet: boolean;
  /** Whether the ports have more bits in common, right behind the PSID of their set. */
  readonly isFiner: boolean;
  /** From the lowest to the highest port. */
  readonly span: PortRange;
  /** The addresses that were seen, each once. */
  readonly addresses: readonly string[];
}

/** A run of so many bits is in common by chance in one of 1e12 looks with twelve samples. */
const FEWEST_COMMON_BITS = 4;

/** Finds what samples have in common. @param samples are one or more, in the order in which the ports were used. */
export function findPattern(samples: readonly StunSample[]): Pattern {
  const ports = samples.map(({ port }) => port);
  const kept = samples.filter(({ localPort, port }) => localPort === port).length;
  const keepsPorts = kept * 2 > samples.length; // one may be in use by another host; by chance not even two are kept
  const portSet = keepsPorts ? null : findPortSet(ports);
  return {
    keepsPorts,
    portSet,
    step: constantStep(ports),
    isOtherPortSet: !keepsPorts && portSet === null && hasCommonBits(ports),
    isFiner: portSet !== null && isFinerThan(portSet, ports),
    span: { first: Math.min(...ports), last: Math.max(...ports) },
    addresses: [...new Set(samples.map(({ address }) => address))],
  };
}

function findPortSet(ports: readonly number[]): PortSet | null {
  for (const division of DIVISIONS) {
    const [psid, ...others] = new Set(ports.map((port) => psidOfPort(port, division)));
    const blocks = new Set(ports.map((port) => blockOf(port, division)));
    if (psid !== undefined && others.length === 0 && blocks.size > 1) return { ...division, psid };
  }
  return null;
}

function constantStep(ports: readonly number[]): number | null {
  const [step, ...others] = new Set(ports.slice(1).map((port, i) => (port - ports[i]! + 65536) % 65536));
  return step === undefined || others.length > 0 ? null : step;
}

/** Whether a run of bits is the same in all ports while one above it is not. */
function hasCommonBits(ports: readonly number[]): boolean {
  const different = ports.reduce((bits, port) => bits | (port ^ ports[0]!), 0);
  let run = 0, isBehind = false;
  for (let bit = 15; bit >= 0; bit--) {
    const isCommon = (different >> bit & 1) === 0;
    isBehind ||= !isCommon;
    run = isCommon && isBehind ? run + 1 : 0;
    if (run >= FEWEST_COMMON_BITS) return true;
  }
  return false;
}

/** Whether the first two bits behind the PSID are the same in all ports: by chance in one of 4e6 looks with 12 samples. */
function isFinerThan({ offset, length }: PortSet, ports: readonly number[]): boolean {
  return new Set(ports.map((port) => port >> (14 - offset - length) & 3)).size === 1;
}
