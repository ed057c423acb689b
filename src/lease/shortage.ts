/** Why no port of a pool or a range could be granted, in words. Pure. */
import { HIGHEST_PORT, rangeText } from "../port/port.ts";
import { MOST_EXAMPLES, type Survey } from "./candidates.ts";
import type { Lease } from "./lease.ts";
import type { GrantRequest, Wish } from "./wish.ts";

/** What was asked for in vain. */
export interface Demand {
  readonly wish: Wish;
  /** How many ports like it. */
  readonly asked: number;
  /** Whether they must be in a row. */
  readonly contiguous: boolean;
  /** How long the request waits, in milliseconds. */
  readonly waitMs: number;
}

/** What keeps every port from a wish. */
export interface Shortage extends Omit<Survey, "retryAt"> {
  /** The leases of the first few leased ports. */
  readonly leases: readonly Lease[];
  /** ISO instant at which the first of the withheld ports is tried again; null where none is. */
  readonly retryAt: string | null;
}

/** Words that a shortage is put in. */
export interface ShortageWords {
  /** The ranges of the pool. */
  readonly poolText: string;
  readonly privilegedBelow: number;
  /** Who uses a port now, as far as that is known: `pid 4711 (node) listens on it`. */
  readonly users: ReadonlyMap<number, string>;
  /** Whose a lease is, and until when. */
  readonly ownerOf: (lease: Lease) => string;
  /** Who excludes a port. */
  readonly excluderOf: (port: number) => string;
}

/** What was asked for with a wish, which is one of those of the request that are not live already. */
export function demandOf(
  wish: Wish,
  { contiguous, waitMs }: Pick<GrantRequest, "contiguous" | "waitMs">,
  wishes: readonly Wish[],
): Demand {
  const asked = wishes.filter((each) => isForSame(each, wish)).length;
  const { port } = wish;
  const from = contiguous && port !== undefined
    ? { range: { first: port, last: Math.min(HIGHEST_PORT, port + asked - 1) } }
    : {};
  return { wish: { ...wish, ...from }, asked, contiguous, waitMs };
}

/** The same where a single port was asked for: what looked free, the kernel has refused. */
export function withoutFree(survey: Survey): Survey {
  const { counts, examples } = survey;
  const used = [...examples.used, ...examples.free];
  return {
    ...survey,
    counts: { ...counts, free: 0, used: counts.used + counts.free },
    examples: { ...examples, free: [], used: used.slice(0, MOST_EXAMPLES) },
  };
}

/** Whether two wishes are for the same ports. */
function isForSame(a: Wish, b: Wish): boolean {
  return a === b || (a.port === b.port && a.pool === b.pool && `${a.protocols}` === `${b.protocols}` &&
    a.range?.first === b.range?.first && a.range?.last === b.range?.last);
}

/** Whether no time would be enough: the range is too small, or the daemon may not listen on any port of it. */
export function isHopeless({ wish: { range, prefer }, asked }: Demand, privilegedBelow: number): boolean {
  if (range === undefined || prefer.length > 0) return false;
  return range.last - range.first + 1 < asked || range.last < privilegedBelow;
}

/** The whole refusal: what could not be granted, where, and what each port is used for. */
export function shortageText(demand: Demand, shortage: Shortage | undefined, words: ShortageWords): string {
  const { wish: { protocols, range }, asked, contiguous, waitMs } = demand;
  const where = range === undefined ? `the pool ${words.poolText}` : rangeText(range);
  const what = asked === 1 ? `a ${protocols.join("+")} port` : `${asked} ${protocols.join("+")} ports`;
  const row = contiguous && asked > 1 ? " in a row" : "";
  if (shortage === undefined) return `Cannot grant ${what}: none of those that the system chooses is free`;
  const { size, counts: { free } } = shortage;
  if (size < asked) return `Cannot grant ${what}${row}: ${where} has only ${size === 1 ? "1 port" : `${size} ports`}`;
  const became = waitMs > 0 ? `became free within ${waitMs / 1000}s` : "is free";
  const after = waitMs > 0 ? ` after ${waitMs / 1000}s` : "";
  const lack = asked === 1
    ? `none ${became} in ${where}`
    : row !== ""
    ? `there are no ${asked} free ones in a row in ${where}${after}`
    : `only ${free} of them ${free === 1 ? "is" : "are"} free in ${where}${after}`;
  const reasons = reasonsOf(demand, shortage, words);
  return `Cannot grant ${what}${row}: ${lack}${reasons.length === 0 ? "" : ` (${reasons.join("; ")})`}`;
}

function reasonsOf({ wish }: Demand, shortage: Shortage, words: ShortageWords): string[] {
  const { counts, examples, retryAt } = shortage;
  const { privilegedBelow, users, excluderOf } = words;
  const administrators = wish.isCut
    ? [`ports below ${wish.lowest} are for administrators: send the token, or run the command as root`]
    : [];
  return [
    ...leasedText(shortage, words),
    ...inUse(counts.used, examples.used, (port) => users.get(port) ?? "was in use a moment ago"),
    ...(counts.used > 0 && retryAt !== null ? [`what was in use is tried again from ${retryAt} on`] : []),
    ...(counts.cooling > 0
      ? [`${amount(counts.cooling, examples.cooling)} cooling down until ${retryAt} or later`]
      : []),
    ...(counts.excluded > 0
      ? [`${amount(counts.excluded, examples.excluded)} excluded by ${excluderOf(examples.excluded[0]!)}`]
      : []),
    ...(counts.privileged > 0
      ? [`ports below ${privilegedBelow} need an administrator's rights, which the daemon does not have`]
      : []),
    ...administrators,
  ];
}

/** Each of a few leases with its holder, or how many there are and the first of them. */
function leasedText({ counts: { leased }, leases }: Shortage, { ownerOf }: ShortageWords): string[] {
  if (leased === leases.length) return leases.map((lease) => `${lease.port} is leased to ${ownerOf(lease)}`);
  const named = leases.map((lease) => `${lease.port} to ${nameOf(lease)}`).join(", ");
  return [`${leased} are leased${named === "" ? "" : `, among them ${named}`}`];
}

/** Each of a few ports with what is known of its user, or how many there are. */
function inUse(count: number, examples: readonly number[], useOf: (port: number) => string): string[] {
  if (count > examples.length) return [`${count} are used without a lease`];
  return examples.map((port) => `${port}: ${useOf(port)}`);
}

/** `3000 is`, or `17 are`. */
function amount(count: number, [first]: readonly number[]): string {
  return count === 1 ? `${first} is` : `${count} are`;
}

function nameOf({ name, id }: Lease): string {
  return name === null ? id : JSON.stringify(name);
}
