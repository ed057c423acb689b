/**
 * Ports on which only an administrator may listen. When the daemon has this right and the caller has not proven to have
 * it, such a port is not granted, unless it comes from the pool: whoever put it into the pool has allowed it. Pure.
 */
import { PortdError } from "../errors.ts";
import { type PortRange, rangeText } from "../port/port.ts";
import type { GrantRequest, Wish } from "./wish.ts";

/** Which ports these are. */
export interface PrivilegedPorts {
  /** They are below this one; 0 when the daemon has no rights that its callers do not have. */
  readonly below: number;
  /** The port that a name had last. */
  readonly lastPortOf: (name: string) => number | undefined;
}

/** Whether any wish can lead to such a port, so that it matters who asks. */
export function touchesPrivileged({ wishes }: GrantRequest, { below, lastPortOf }: PrivilegedPorts): boolean {
  if (below === 0 || wishes.every(isForAny)) return false;
  return [...new Set(wishes)].some(({ name, port, prefer, range }) =>
    [port, range?.first, ...prefer, name === null ? undefined : lastPortOf(name)]
      .some((each) => each !== undefined && each < below)
  );
}

/**
 * The request without such ports: they are removed from the preferred ports and from ranges.
 *
 * @throws {PortdError} `scope_required` when nothing else was asked for.
 */
export function withoutPrivileged(request: GrantRequest, below: number): GrantRequest {
  if (below === 0 || request.wishes.every(isForAny)) return request;
  const permitted = new Map([...new Set(request.wishes)].map((wish) => [wish, withoutPorts(wish, below)]));
  return { ...request, wishes: request.wishes.map((wish) => permitted.get(wish)!) };
}

/** Whether a wish is for any port of the pool, as most are. */
function isForAny({ name, port, prefer, range }: Wish): boolean {
  return name === null && port === undefined && range === undefined && prefer.length === 0;
}

function withoutPorts(wish: Wish, below: number): Wish {
  const { port, range } = wish;
  if (port !== undefined && port < below) throw refusal(`port ${port}`, { field: "port", value: port, below });
  const prefer = wish.prefer.filter((each) => each >= below);
  const part = range === undefined ? {} : { range: rangeAbove(range, below), isCut: range.first < below };
  return { ...wish, prefer, ...part, lowest: below };
}

function rangeAbove({ first, last }: PortRange, below: number): PortRange {
  const value = rangeText({ first, last });
  if (last < below) throw refusal(`a port of ${value}`, { field: "range", value, below });
  return { first: Math.max(first, below), last };
}

interface RefusedField {
  readonly field: string;
  readonly value: number | string;
  readonly below: number;
}

function refusal(what: string, { field, value, below }: RefusedField): PortdError {
  const message = `Cannot grant ${what}: ports below ${below} are for administrators, ` +
    "so send the token, or run the command as root or as the daemon's own user";
  return new PortdError("scope_required", message, { scope: "expose", field, value, expected: `a port from ${below}` });
}
