/**
 * What a daemon answers about a port, checked before anything hangs on it. Whoever has the address of a daemon answers
 * there, and `portd free` ends processes on the strength of it: what is no answer of portd's is refused as a whole.
 */
import { NoDaemonError } from "../client/transport.ts";
import { describeValue } from "../errors.ts";
import type { Protocol } from "../lease/lease.ts";

/** Of a lease what `portd free` needs. */
export interface AnsweredLease {
  readonly id: string;
  readonly name: string | null;
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly holder: { readonly id: string };
}

/** Of a socket what `portd free` needs; docs/api.md tells what the members mean. */
export interface AnsweredSocket {
  readonly protocol: Protocol;
  readonly localAddress: string;
  readonly pid: number | null;
  readonly startTime: string | null;
  readonly bootId: string | null;
  readonly ofHolder: boolean | null;
  readonly process: {
    readonly command: string | null;
    readonly cwd: string | null;
    readonly user: string | null;
  } | null;
}

/** A port's leases and who listens on it. */
export interface PortAnswer {
  readonly leases: readonly AnsweredLease[];
  readonly listeners: readonly AnsweredSocket[];
}

/** What a value must be. */
interface Rule<T> {
  readonly expected: string;
  readonly accepts: (value: unknown) => value is T;
}

/** A lease a protocol. */
const MOST_LEASES = 2;
/** More processes than servers fork to share one port. */
const MOST_LISTENERS = 10_000;
const LONGEST_TEXT = 8192;
const LARGEST_PID = 0xffffffff;

const PROTOCOL = ruleOf<Protocol>('"tcp" or "udp"', (value) => value === "tcp" || value === "udp");
const ID = ruleOf<string>("the id of a lease", (value) => typeof value === "string" && /^[0-9A-Z]{26}$/.test(value));
const FLAG = ruleOf<boolean>("true or false", (value) => typeof value === "boolean");
const PID = ruleOf<number>("a pid", (value) => Number.isInteger(value) && isWithin(Number(value), 1, LARGEST_PID));
const TEXT = ruleOf<string>(
  `text of at most ${LONGEST_TEXT} characters`,
  (value) => typeof value === "string" && value.length <= LONGEST_TEXT,
);
const RECORD = ruleOf<Readonly<Record<string, unknown>>>(
  "an object",
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);

/** What was asked of whom. */
export interface Asked {
  readonly port: number;
  /** Address of the daemon. */
  readonly url: string;
}

/**
 * Reads what `GET /ports/{port}` answers; an answer about any other port than the one asked for is refused.
 *
 * @throws {NoDaemonError} naming the member that is no portd's.
 */
export function readPortAnswer(answer: unknown, asked: Asked): PortAnswer {
  return new AnswerReader(asked).answer(answer);
}

class AnswerReader {
  readonly #url: string;
  readonly #isAsked: Rule<number>;

  constructor({ port, url }: Asked) {
    this.#url = url;
    this.#isAsked = ruleOf(String(port), (value) => value === port);
  }

  answer(answer: unknown): PortAnswer {
    const { port, leases, listeners } = this.#read(answer, "answer", RECORD);
    this.#read(port, "port", this.#isAsked);
    return {
      leases: this.#read(leases, "leases", listOf(0, MOST_LEASES))
        .map((lease, i) => this.#lease(lease, `leases[${i}]`)),
      listeners: this.#read(listeners, "listeners", listOf(0, MOST_LISTENERS))
        .map((socket, i) => this.#socket(socket, `listeners[${i}]`)),
    };
  }

  #lease(value: unknown, at: string): AnsweredLease {
    const { id, name, port, protocols, holder } = this.#read(value, at, RECORD);
    return {
      id: this.#read(id, `${at}.id`, ID),
      name: this.#read(name, `${at}.name`, nullable(TEXT)),
      port: this.#read(port, `${at}.port`, this.#isAsked),
      protocols: this.#read(protocols, `${at}.protocols`, listOf(1, 2))
        .map((protocol, i) => this.#read(protocol, `${at}.protocols[${i}]`, PROTOCOL)),
      holder: { id: this.#read(this.#read(holder, `${at}.holder`, RECORD).id, `${at}.holder.id`, TEXT) },
    };
  }

  #socket(value: unknown, at: string): AnsweredSocket {
    const socket = this.#read(value, at, RECORD);
    this.#read(socket.localPort, `${at}.localPort`, this.#isAsked);
    return {
      protocol: this.#read(socket.protocol, `${at}.protocol`, PROTOCOL),
      localAddress: this.#read(socket.localAddress, `${at}.localAddress`, TEXT),
      pid: this.#read(socket.pid, `${at}.pid`, nullable(PID)),
      startTime: this.#read(socket.startTime, `${at}.startTime`, nullable(TEXT)),
      bootId: this.#read(socket.bootId, `${at}.bootId`, nullable(TEXT)),
      ofHolder: this.#read(socket.ofHolder, `${at}.ofHolder`, nullable(FLAG)),
      process: this.#process(socket.process, `${at}.process`),
    };
  }

  #process(value: unknown, at: string): AnsweredSocket["process"] {
    const process = this.#read(value, at, nullable(RECORD));
    if (process === null) return null;
    const text = (member: "command" | "cwd" | "user") => this.#read(process[member], `${at}.${member}`, nullable(TEXT));
    return { command: text("command"), cwd: text("cwd"), user: text("user") };
  }

  #read<T>(value: unknown, at: string, { accepts, expected }: Rule<T>): T {
    if (accepts(value)) return value;
    const reason = `"${at}" is ${describeValue(value)} and not ${expected}`;
    throw new NoDaemonError(`Cannot talk to portd at ${this.#url}: something else answers there (${reason})`);
  }
}

function ruleOf<T>(expected: string, accepts: (value: unknown) => boolean): Rule<T> {
  return { expected, accepts: accepts as Rule<T>["accepts"] };
}

function nullable<T>({ expected, accepts }: Rule<T>): Rule<T | null> {
  return ruleOf(`${expected} or null`, (value) => value === null || accepts(value));
}

function listOf(least: number, most: number): Rule<readonly unknown[]> {
  return ruleOf(
    `a list of ${least} to ${most}`,
    (value) => Array.isArray(value) && isWithin(value.length, least, most),
  );
}

function isWithin(value: number, first: number, last: number): boolean {
  return value >= first && value <= last;
}
