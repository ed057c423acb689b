/**
 * Chooses the next port. Pure and without time: a port is taken until it is given back, whether for a lease or for the
 * quarantine.
 *
 * One bit for each port and protocol says whether it is taken. The ports that are free for both protocols are in a
 * linked list, the one given back longest ago first, so that a grant takes the first in constant time.
 */
import { HIGHEST_PORT, type PortRange, type Protocol, PROTOCOLS } from "../port/port.ts";

const PORTS = HIGHEST_PORT + 1, WORD = 32;
const NONE = 0; // 0 is never a port, so it marks the ends of the list

/** The pool of one daemon. */
export class Pool {
  readonly #members = new Uint32Array(PORTS / WORD);
  readonly #taken: Readonly<Record<Protocol, Uint32Array>> = {
    tcp: new Uint32Array(PORTS / WORD),
    udp: new Uint32Array(PORTS / WORD),
  };
  #ports: readonly number[] = [];
  readonly #next = new Uint16Array(PORTS);
  readonly #previous = new Uint16Array(PORTS);
  #head = NONE;
  #tail = NONE;
  #free = 0;

  /** @param ports are the members of the pool, each once. */
  constructor(ports: Iterable<number>) {
    this.replace(ports);
  }

  /** How many ports the pool has. */
  get size(): number {
    return this.#ports.length;
  }

  /** Gives the pool other members. What is taken stays taken. @param ports are the members, each once. */
  replace(ports: Iterable<number>): void {
    const before = this.#ports;
    this.#ports = [...ports];
    this.#members.fill(0);
    for (const port of this.#ports) setBit(this.#members, port);
    for (const port of before) if (!this.has(port) && this.#isListed(port)) this.#remove(port);
    for (const port of this.#ports) if (this.isFree(port, PROTOCOLS) && !this.#isListed(port)) this.#append(port);
  }

  /** How many ports are free for both protocols. */
  get free(): number {
    return this.#free;
  }

  /** The members, each once. */
  get ports(): readonly number[] {
    return this.#ports;
  }

  /** Whether the port is a member. */
  has(port: number): boolean {
    return getBit(this.#members, port);
  }

  /** Whether the port is taken for none of the protocols. It need not be a member. */
  isFree(port: number, protocols: readonly Protocol[]): boolean {
    return protocols.every((protocol) => !getBit(this.#taken[protocol], port));
  }

  /** How many ports are free for all of the protocols: of the pool, or of a range instead of it. */
  countFree(protocols: readonly Protocol[], range?: PortRange): number {
    const { first, last } = range ?? { first: 1, last: PORTS - 1 };
    let count = 0;
    for (let word = first >>> 5; word <= last >>> 5; word++) {
      count += countBits(
        this.#candidates(protocols, range === undefined ? this.#members : undefined, word, first, last),
      );
    }
    return count;
  }

  /** Takes a port, member or not. */
  take(port: number, protocols: readonly Protocol[]): void {
    if (this.#isListed(port)) this.#remove(port);
    for (const protocol of protocols) setBit(this.#taken[protocol], port);
  }

  /** Gives a port back: it goes to the end of the list. */
  give(port: number, protocols: readonly Protocol[]): void {
    for (const protocol of protocols) clearBit(this.#taken[protocol], port);
    if (this.has(port) && this.isFree(port, PROTOCOLS) && !this.#isListed(port)) this.#append(port);
  }

  /** The member that was given back longest ago. @returns `undefined` when there is none. */
  next(protocols: readonly Protocol[]): number | undefined {
    return this.#head !== NONE ? this.#head : this.search(protocols, 1);
  }

  /** The first free member at or after `start`, going round once. */
  search(protocols: readonly Protocol[], start: number): number | undefined {
    return this.#searchWithin(protocols, this.#members, start, PORTS - 1) ??
      this.#searchWithin(protocols, this.#members, 1, start - 1);
  }

  /** The first free port of a range, member or not, at or after `start`, going round once. */
  searchRange(protocols: readonly Protocol[], { first, last }: PortRange, start: number): number | undefined {
    const from = Math.min(Math.max(start, first), last);
    return this.#searchWithin(protocols, undefined, from, last) ??
      this.#searchWithin(protocols, undefined, first, from - 1);
  }

  /**
   * The first run of `length` ports in a row for which `isUsable` holds, at or after `start`, going round once.
   *
   * @param range is searched instead of the pool.
   */
  searchBlock(
    length: number,
    start: number,
    isUsable: (port: number) => boolean,
    range?: PortRange,
  ): number | undefined {
    const usable = (port: number) => (range !== undefined || this.has(port)) && isUsable(port);
    const { first, last } = range ?? { first: this.#ports[0] ?? 1, last: this.#ports.at(-1) ?? 0 };
    const from = Math.min(Math.max(start, first), last);
    return firstRun(usable, from, last, length) ?? firstRun(usable, first, Math.min(from + length - 2, last), length);
  }

  /** The port at which the search for a new name begins: the same on every machine with the same pool. */
  slot(name: string): number {
    return this.#ports[hash(name) % Math.max(1, this.size)] ?? 1;
  }

  #searchWithin(
    protocols: readonly Protocol[],
    members: Uint32Array | undefined,
    first: number,
    last: number,
  ): number | undefined {
    for (let word = first >>> 5; word <= last >>> 5; word++) {
      const candidates = this.#candidates(protocols, members, word, first, last);
      if (candidates !== 0) return word * WORD + 31 - Math.clz32(candidates & -candidates);
    }
  }

  /** The free ports of one word, as bits, without those before `first` and after `last`. */
  #candidates(
    protocols: readonly Protocol[],
    members: Uint32Array | undefined,
    word: number,
    first: number,
    last: number,
  ): number {
    let candidates = members === undefined ? 0xffffffff : members[word]!;
    for (const protocol of protocols) candidates &= ~this.#taken[protocol][word]!;
    if (word === 0) candidates &= ~1; // 0 is never a port
    if (word === first >>> 5) candidates &= 0xffffffff << (first & 31);
    if (word === last >>> 5) candidates &= 0xffffffff >>> (31 - (last & 31));
    return candidates;
  }

  #isListed(port: number): boolean {
    return this.#head === port || this.#previous[port] !== NONE;
  }

  #append(port: number): void {
    if (this.#tail === NONE) this.#head = port;
    else this.#next[this.#tail] = port;
    this.#previous[port] = this.#tail;
    this.#next[port] = NONE;
    this.#tail = port;
    this.#free++;
  }

  #remove(port: number): void {
    const previous = this.#previous[port]!, next = this.#next[port]!;
    if (previous === NONE) this.#head = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tail = previous;
    else this.#previous[next] = previous;
    this.#previous[port] = this.#next[port] = NONE;
    this.#free--;
  }
}

function firstRun(usable: (port: number) => boolean, first: number, last: number, length: number): number | undefined {
  let run = 0;
  for (let port = first; port <= last; port++) {
    run = usable(port) ? run + 1 : 0;
    if (run === length) return port - length + 1;
  }
}

function getBit(bits: Uint32Array, port: number): boolean {
  return (bits[port >>> 5]! & (1 << (port & 31))) !== 0;
}

function setBit(bits: Uint32Array, port: number): void {
  bits[port >>> 5]! |= 1 << (port & 31);
}

function clearBit(bits: Uint32Array, port: number): void {
  bits[port >>> 5]! &= ~(1 << (port & 31));
}

/** The number of bits that are set. */
function countBits(bits: number): number {
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** 32-bit FNV-1a over UTF-8. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
