/** Whose connections are cut when there are too many. Pure. */

/** A connection with its caller: a user of this machine, or the address of another machine. */
export interface CallerConnection {
  readonly caller: string;
}

/** How much there is for how many. */
export interface Shares {
  /** How many connections may stay. */
  readonly room: number;
  /** How many may stay of one caller. */
  readonly mostOfOne: number;
  /** Whether a caller goes before others: root and the daemon's own user. They have three quarters of the room. */
  readonly isOurs: (caller: string) => boolean;
}

const OUR_SHARE = 0.75;

/**
 * The connections that are to be cut so that the rest has room: each caller keeps its first ones, up to a number that is
 * the same for all others, so that who has few loses none to somebody who has many.
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

/** The most that each may keep so that all together keep no more than the room. */
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
