/** Which connections are cut when there are too many. Pure. */

/** A connection of a caller: a user of this machine, or the address of another machine. */
export interface CallerConnection {
  readonly caller: string;
}

/** How the room is shared. */
export interface Shares {
  /** How many connections may stay. */
  readonly room: number;
  /** How many may stay of one caller. */
  readonly mostOfOne: number;
  /** Whether a caller is root or the daemon's own user. They go before others, with three quarters of the room. */
  readonly isOurs: (caller: string) => boolean;
}

const OUR_SHARE = 0.75;

/**
 * The connections to cut so that the rest has room. Each caller keeps its first ones, up to a number that is the same
 * for all: a caller with few connections loses none to one with many.
 */
export function excess<T extends CallerConnection>(
  connections: readonly T[],
  { room, mostOfOne, isOurs }: Shares,
): T[] {
  const byCaller = Map.groupBy(connections, ({ caller }) => caller);
  const ours = [...byCaller].filter(([caller]) => isOurs(caller)).flatMap(([, each]) => each);
  const kept = Math.min(ours.length, Math.floor(room * OUR_SHARE));
  const others = [...byCaller].filter(([caller]) => !isOurs(caller)).map(([, each]) => each);
  const level = Math.min(mostOfOne, levelOf(others.map(({ length }) => length), room - kept));
  return [...ours.slice(kept), ...others.flatMap((each) => each.slice(level))];
}

/** The most that each may keep, so that all together keep no more than the room. */
function levelOf(counts: readonly number[], room: number): number {
  let left = room;
  const ascending = counts.toSorted((a, b) => a - b);
  for (const [index, count] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - index));
    if (count > share) return share;
    left -= count;
  }
  return Infinity;
}
