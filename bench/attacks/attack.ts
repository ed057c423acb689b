/**
 * What the programs of this folder share. Each attacks one daemon of the benchmark on 127.0.0.1, as fast as it answers,
 * for a time that is given: `PORT SECONDS`. It prints `ready` once the attack is under way, and in the end what it has
 * done, in one line.
 */
import { type Answer, KeptConnection } from "../kept_connection.ts";

/** What an attack works with. */
export interface Attack {
  readonly port: number;
  /** Whether the time is up. */
  readonly isOver: () => boolean;
  /** The attack is under way: its victim is measured from now on. */
  readonly ready: () => void;
  /** How often something has happened, by what it was; for the last line. */
  readonly counts: Record<string, number>;
}

/** A program of this folder: runs an attack and ends by itself, whatever the daemon does. */
export async function runAttack(attack: (parts: Attack) => Promise<void>): Promise<never> {
  const [port, seconds] = Deno.args.map(Number) as [number, number];
  const counts: Record<string, number> = {};
  const startedAt = performance.now();
  let isReady = false;
  const ready = () => {
    if (!isReady) console.log("ready");
    isReady = true;
  };
  await attack({ port, isOver: () => performance.now() - startedAt > seconds * 1000, ready, counts });
  ready();
  console.log(Object.entries(counts).map(([what, count]) => `${count.toLocaleString("en")} ${what}`).join(", "));
  Deno.exit(); // without waiting for connections on which nothing comes any more
}

/** Runs the same so many times side by side. */
export async function inLanes(lanes: number, work: (lane: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
}

/** Counts one more. */
export function count(counts: Record<string, number>, what: string, more = 1): void {
  counts[what] = (counts[what] ?? 0) + more;
}

/** A connection that is opened again when the daemon has closed it. */
export class Line {
  readonly #port: number;
  #connection: KeptConnection | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Asks and waits for the answer; `undefined` when the daemon has cut the connection. */
  async ask(method: string, path: string, body?: unknown, headers?: Headers): Promise<Answer | undefined> {
    try {
      this.#connection ??= await KeptConnection.open(this.#port);
      const text = body === undefined ? "" : JSON.stringify(body);
      return await this.#connection.exchange(this.#connection.encode(method, path, text, headers));
    } catch (error) {
      if (!isCut(error)) throw error;
      this.close();
      return undefined;
    }
  }

  close(): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
  }
}

/** Headers of a request by name. */
type Headers = Readonly<Record<string, string>>;

const { errors } = Deno;
/** What connecting, writing and reading throw where the daemon or the system has no place for a connection. */
const CUT = [
  errors.ConnectionReset,
  errors.ConnectionRefused,
  errors.ConnectionAborted,
  errors.BrokenPipe,
  errors.BadResource,
  errors.NotConnected,
  errors.AddrNotAvailable,
];

/** Whether an error says that the daemon, or the system, has no place for a connection. */
export function isCut(error: unknown): boolean {
  return CUT.some((kind) => error instanceof kind);
}
