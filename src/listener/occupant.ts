/** Who listens on a port before it is leased: the evidence for a lease of a port that is in use already. */
import { sharersOf } from "../os/socket.ts";
import { type Protocol, PROTOCOLS } from "../port/port.ts";
import type { Scanner } from "./listener.ts";

/** Who listens on a port. */
export interface Occupant {
  /** Those of the protocols on which somebody listens. */
  readonly protocols: readonly Protocol[];
  /** The process that has all of these sockets open, of several the lowest; null where no such process can be seen. */
  readonly pid: number | null;
}

/** Looks who listens on a port now. @returns `undefined` when nobody does. */
export async function findOccupant(
  scanner: Pick<Scanner, "listening" | "identify">,
  port: number,
  protocols: readonly Protocol[],
): Promise<Occupant | undefined> {
  const rows = await scanner.listening(protocols.map((protocol) => ({ protocol, port })));
  if (rows.length === 0) return undefined;
  const sharers = (await scanner.identify(rows)).map((row) => new Set(sharersOf(row)));
  const ofAll = sharers.reduce((common, pids) => common.intersection(pids));
  const used = new Set(rows.map(({ protocol }) => protocol));
  return {
    protocols: PROTOCOLS.filter((protocol) => used.has(protocol)),
    pid: [...ofAll].sort((a, b) => a - b)[0] ?? null,
  };
}
