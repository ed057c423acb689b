/** The router's port 5351, on which it answers PCP and NAT-PMP. */
import type { Timer } from "../clock.ts";
import { startTimer } from "../wait.ts";
import { GatewayError } from "./gateway.ts";
import { exchange } from "./udp_exchange.ts";

/** The port of PCP and NAT-PMP servers. */
export const ROUTER_PORT = 5351;

/** What leads to the router. */
export interface RouterOptions {
  /** This host's address and the router's, which has a zone where it is link-local. */
  readonly route: { readonly address: string; readonly gateway: string };
  /** @default 5351 */
  readonly port?: number;
  /** @default the process's own */
  readonly timer?: Timer;
}

/** One question. */
export interface Question<T> {
  /** Its first byte is the version of the protocol. */
  readonly request: Uint8Array;
  /** The answer that a datagram holds; `undefined` when it is none to this request. */
  readonly read: (datagram: Uint8Array) => T | undefined;
  /** The address of this host to ask from. @default that of the route */
  readonly from?: string;
  /** @default 4 */
  readonly mostSendings?: number;
  readonly signal?: AbortSignal | undefined;
}

const PROCESS_TIMER: Timer = { monotonic: () => performance.now(), after: startTimer };

/** Asks a router in one protocol. Questions do not wait for each other: each has a socket of its own. */
export class RouterPort {
  readonly address: string;
  readonly localAddress: string;
  readonly timer: Timer;
  readonly #protocol: string;
  readonly #port: number;
  readonly #closing = new AbortController();

  /** @param protocol is its name, for messages. */
  constructor(protocol: string, { route, port = ROUTER_PORT, timer = PROCESS_TIMER }: RouterOptions) {
    this.address = route.gateway;
    this.localAddress = route.address;
    this.timer = timer;
    this.#protocol = protocol;
    this.#port = port;
  }

  /**
   * @throws {GatewayError} `silent` when no answer came in time, `unsupported` when the router knows another version only.
   * @throws the signal's reason.
   */
  async ask<T>({ from = this.localAddress, signal, request, read, ...options }: Question<T>): Promise<T> {
    const end = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const to = { address: this.address, port: this.#port };
    const readAny = (datagram: Uint8Array) => {
      const answer = read(datagram);
      return answer === undefined ? readOtherVersion(datagram, request[0]!) : { answer };
    };
    const found = await exchange({ ...options, request, from, to, read: readAny, timer: this.timer, signal: end });
    if (found === undefined) {
      throw new GatewayError("silent", `The router ${this.address} does not answer ${this.#protocol}`);
    }
    if ("answer" in found) return found.answer;
    const other = `it answers in version ${found.version}`;
    throw new GatewayError("unsupported", `The router ${this.address} does not speak ${this.#protocol}: ${other}`);
  }

  /** Ends what is being asked, and refuses further questions. */
  close(): void {
    this.#closing.abort(new GatewayError("failed", `Cannot ask the router ${this.address}: its client is closed`));
  }
}

/**
 * The version of a server that does not know ours: it refuses in its own form. PCP (RFC 6887 section 9) and NAT-PMP
 * (RFC 6886 section 3.5) have the code for that, 1, at the same place, and bit 7 of the second byte in every response.
 */
function readOtherVersion(datagram: Uint8Array, ours: number): { readonly version: number } | undefined {
  const [version = ours, opcode = 0, , result] = datagram;
  const isRefusal = datagram.length >= 8 && opcode >= 0x80 && result === 1;
  return isRefusal && version !== ours ? { version } : undefined;
}
