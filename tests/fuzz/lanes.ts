/** The connections to the daemon: many at once, with one request after the other on each. */
import { mix, Random } from "../support/random.ts";
import { type Answer, Connection, HangError, latin1 } from "./connection.ts";
import { contractFault, faultOf } from "./judge.ts";
import { makeMalformed, type Malformed } from "./malformed.ts";
import { bytesOf, joined, makeRequest, type Target, type WholeRequest } from "./request.ts";

const WHOLE_LANES = 32, MALFORMED_LANES = 32;
/** After so many faults nothing more is sent. */
const ENOUGH_FAULTS = 100;
const MOST_IDS = 200;
const BODY_LIMIT = 65_536;
const PRINT_EVERY = 10_000;
/** How often and after which pause to try again when an address has no port left for a connection. */
const BUSY_RETRIES = 100, BUSY_PAUSE_MS = 100;

/** Sends, judges and counts. */
export class Lanes {
  /** What must not happen, with the request that caused it. */
  readonly faults: string[] = [];
  /** Answers by status. */
  readonly answers: Record<string, number> = {};
  readonly #seed: number;
  readonly #ids: string[] = [];
  readonly #target: Target;
  readonly #addresses: readonly string[] = ["127.0.0.1", "::1"];
  readonly #port: number;
  /** How many of each were sent, in all runs. */
  #whole = 0;
  #malformed = 0;

  constructor({ seed, ...target }: Omit<Target, "ids"> & { readonly seed: number }) {
    this.#seed = seed;
    this.#target = { ...target, ids: this.#ids };
    this.#port = Number(new URL(`http://${target.host}`).port);
  }

  /** Sends until so many whole and so many malformed requests were sent, those of earlier runs included. */
  async run(whole: number, malformed: number, print: (line: string) => void): Promise<void> {
    const goesOn = () => this.faults.length < ENOUGH_FAULTS;
    const count = (number: number) => {
      if ((number + 1) % PRINT_EVERY === 0) print(`${this.#whole} requests, ${this.#malformed} malformed`);
      return number;
    };
    const nextWhole = () => this.#whole < whole && goesOn() ? count(this.#whole++) : undefined;
    const nextMalformed = () => this.#malformed < malformed && goesOn() ? count(this.#malformed++) : undefined;
    await Promise.all([
      ...Array.from({ length: WHOLE_LANES }, () => this.#wholeLane(nextWhole)),
      ...Array.from({ length: MALFORMED_LANES }, () => this.#malformedLane(nextMalformed)),
    ]);
  }

  async #wholeLane(next: () => number | undefined): Promise<void> {
    let connection: Connection | undefined;
    for (let number = next(); number !== undefined; number = next()) {
      const request = makeRequest(new Random(mix(this.#seed, number)), this.#target);
      const bytes = bytesOf(request), ask = () => this.#ask(connection, number!, request, bytes);
      connection = await this.#reporting(`request ${number}`, bytes, ask);
    }
    connection?.[Symbol.dispose]();
  }

  /** @returns the connection, where it can be used again. */
  async #ask(
    used: Connection | undefined,
    number: number,
    request: WholeRequest,
    bytes: Uint8Array,
  ): Promise<Connection | undefined> {
    let connection = used ?? await this.#connect(number);
    await connection.send(bytes);
    let answer = await connection.answer(request.method);
    if (answer === undefined && used !== undefined) { // it was closed after the last answer
      connection[Symbol.dispose]();
      connection = await this.#connect(number);
      await connection.send(bytes);
      answer = await connection.answer(request.method);
    }
    const isRefusedUnread = (request.body?.length ?? 0) > BODY_LIMIT;
    const what = `request ${number}`;
    if (answer !== undefined) {
      this.#judge(answer, request.method, { what, bytes, mayBeBare: false });
      const fault = contractFault(request, answer);
      if (fault !== undefined) this.#fault(fault, what, bytes);
    } else if (!isRefusedUnread) this.#fault("no answer", what, bytes);
    const mayGoOn = answer !== undefined && !isRefusedUnread && request.method !== "CONNECT" &&
      answer.headers.get("content-type") !== "text/event-stream" && answer.headers.get("connection") !== "close";
    if (mayGoOn) return connection;
    connection[Symbol.dispose]();
  }

  async #malformedLane(next: () => number | undefined): Promise<void> {
    for (let number = next(); number !== undefined; number = next()) {
      const malformed = makeMalformed(new Random(mix(~this.#seed, number)), this.#target);
      const what = `malformed ${number} (${malformed.kind}, ${malformed.ending})`;
      await this.#reporting(what, joined(malformed.parts), () => this.#sendMalformed(number!, what, malformed));
    }
  }

  async #sendMalformed(number: number, what: string, { parts, ending }: Malformed): Promise<undefined> {
    using connection = await this.#connect(number);
    for (const part of parts) if (!await connection.send(part)) break;
    if (ending === "close") return;
    if (ending === "half") await connection.endSending();
    // Without a whole request the daemon owes no answer; then it closes only after we have.
    if (ending === "read" && !isOwed(parts)) return;
    const bytes = joined(parts);
    const method = /^(\w+) /.exec(latin1(bytes.subarray(0, 20)))?.[1] ?? "GET";
    const answer = await connection.answer(method);
    if (answer !== undefined) this.#judge(answer, method, { what, bytes, mayBeBare: true });
    if (ending === "half" && answer?.headers.get("content-type") !== "text/event-stream") {
      while (await connection.more());
    }
  }

  #judge(answer: Answer, method: string, { what, bytes, mayBeBare }: Judged): void {
    this.answers[answer.status] = (this.answers[answer.status] ?? 0) + 1;
    const id = answer.status === 201 ? /"id":"([0-9A-Z]{26})"/.exec(answer.body)?.[1] : undefined;
    if (id !== undefined && this.#ids.push(id) > MOST_IDS) this.#ids.shift();
    const fault = faultOf(answer, method, mayBeBare);
    if (fault !== undefined) this.#fault(`${fault}: ${answer.body.slice(0, 300)}`, what, bytes);
  }

  async #reporting<T>(what: string, bytes: Uint8Array, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const isFault = error instanceof HangError || error instanceof Deno.errors.ConnectionRefused;
      if (!isFault) throw error;
      this.#fault(error.message, what, bytes);
    }
  }

  #fault(fault: string, what: string, bytes: Uint8Array): void {
    const sent = JSON.stringify(latin1(bytes.subarray(0, 3000)));
    this.faults.push(`--seed ${this.#seed}, ${what}: ${fault}\n  sent ${bytes.length} bytes: ${sent}`);
  }

  async #connect(number: number): Promise<Connection> {
    const hostname = this.#addresses[number % this.#addresses.length]!;
    for (let retries = 0;; retries++) {
      try {
        return await Connection.open(hostname, this.#port);
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrNotAvailable) || retries >= BUSY_RETRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS)); // all our ports are in TIME_WAIT
      }
    }
  }
}

interface Judged {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly mayBeBare: boolean;
}

/** Whether the daemon owes an answer although we have not closed: the head is whole and announces no body. */
function isOwed(parts: readonly Uint8Array[]): boolean {
  const text = latin1(joined(parts));
  return text.includes("\r\n\r\n") && !/content-length|transfer-encoding/i.test(text) && text.startsWith("GET /");
}
