/** Looks at a line by STUN as a NAT would have them come out. */
import { portsOf } from "../../src/line/port_sets.ts";
import type { PortSet } from "../../src/line/line.ts";
import type { StunLook } from "../../src/line/verdict.ts";

/** The address that servers on the internet see. */
export const SEEN = "198.51.100.7";

/** A whole number from one to another, both inclusive. */
export function randomInt(first: number, last: number): number {
  return first + Math.floor(Math.random() * (last - first + 1));
}

/** A look with twelve samples of a NAT that chooses the external port like this. */
export function lookOf(choose: (localPort: number, i: number) => number, address = SEEN): StunLook {
  const samples = Array.from({ length: 12 }, (_, i) => {
    const localPort = randomInt(32768, 60999);
    return { localPort, address, port: choose(localPort, i) };
  });
  return { samples, asked: 12, second: null, at: "2026-11-28T10:00:00.000Z" };
}

/** The port itself, as a router does that keeps ports. */
export function keepPort(localPort: number): number {
  return localPort;
}

/** Any port, as another router may do. */
export function anyPort(): number {
  return randomInt(1024, 65535);
}

/** A port of a set, as a router with MAP-E does. */
export function portOf(set: PortSet): () => number {
  const ranges = portsOf(set);
  return () => {
    const { first, last } = ranges[randomInt(0, ranges.length - 1)]!;
    return randomInt(first, last);
  };
}
