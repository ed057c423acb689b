/** A request of the portserver protocol: the number of the process for which a port is wanted. Pure. */

/** A longer request is none. */
const MOST_BYTES = 20;

/**
 * Reads what a client has sent: a number, with a line end or without. Blanks around it, a plus sign and underscores
 * between digits are allowed, as portserver reads it with Python's `int()`.
 *
 * @returns `undefined` where it names no process that may have ports: 1 is the system's own.
 */
export function readPidRequest(bytes: Uint8Array): number | undefined {
  if (bytes.length > MOST_BYTES) return undefined;
  const [, digits] = /^[ \t-\r]*\+?(\d+(?:_\d+)*)[ \t-\r]*$/.exec(String.fromCharCode(...bytes)) ?? [];
  const pid = Number(digits?.replaceAll("_", ""));
  return Number.isSafeInteger(pid) && pid > 1 && pid <= MOST_PID ? pid : undefined;
}

/** Windows' process numbers have 32 bits, others' fewer. */
const MOST_PID = 2 ** 32 - 1;
