/** Whether the port of a live lease is what a request for its name asks for. Pure. */
import { contains, rangeText } from "../port/port.ts";
import { nameTaken } from "./holder.ts";
import type { LeaseRecord } from "./record.ts";
import type { Wish } from "./wish.ts";

/** What is known of a wish for a live name. */
export interface LivePortOptions {
  /** The place of the wish in a block, from 0. */
  readonly place: number;
  /** Whether the OS can have chosen the live port. */
  readonly isOfOs: boolean;
}

/** How many names a refusal lists. */
const MOST_NAMES = 8;

/**
 * Checks port, protocols, range and pool. A live lease keeps its port, also where a new one would get a preferred port
 * that is free by now.
 *
 * @throws {PortdError} `name_taken` with what the lease has and how to get what was asked for.
 */
export function checkLivePort(record: LeaseRecord, wish: Wish, options: LivePortOptions): void {
  const other = otherPort(record, wish, options);
  if (other === undefined) return;
  throw nameTaken(record, `to have ${other}, release it first: portd release ${record.name}`);
}

/** What is asked for and the live lease does not have, in words. */
function otherPort(
  { port, protocols }: LeaseRecord,
  wish: Wish,
  { place, isOfOs }: LivePortOptions,
): string | undefined {
  const { range, prefer, pool } = wish;
  if (wish.port !== undefined && wish.port + place !== port) return `port ${wish.port + place}`;
  if (wish.protocols.some((protocol) => !protocols.includes(protocol))) {
    return `${wish.protocols.join("+")} instead of ${protocols.join("+")}`;
  }
  if (prefer.includes(port)) return undefined;
  if (range !== undefined && !contains(range, port)) return `a port of ${rangeText(range)}`;
  return pool === "os" && !isOfOs ? "a port of the system's own choice" : undefined;
}

/**
 * Checks that the live leases of a block are all of it, and in a row.
 *
 * @param records in the order of the block; `undefined` where there is none.
 * @throws {PortdError} `name_taken`.
 */
export function checkLiveBlock(records: readonly (LeaseRecord | undefined)[]): void {
  const live = records.filter((record) => record !== undefined);
  const [first] = live;
  if (first === undefined) return;
  if (records.every((record, place) => record !== undefined && record.port === first.port + place)) return;
  const names = live.slice(0, MOST_NAMES).map(({ name }) => name);
  const command = ["portd release", ...names, ...(live.length > MOST_NAMES ? ["…"] : [])].join(" ");
  throw nameTaken(first, `to have ${records.length} ports in a row, release what there is of them first: ${command}`);
}
