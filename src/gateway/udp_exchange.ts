/** One question to a router over UDP, and its answer: bounded in time, in bytes and in the number of datagrams. */
import type { Timer } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { addressBytes, withoutZone } from "../os/address.ts";
import { abortable, startTimer } from "../wait.ts";
import { GatewayError, type SocketAddress } from "./gateway.ts";

/** The largest datagram that PCP allows (RFC 6887 section 7). NAT-PMP's are far smaller. */
export const LARGEST_DATAGRAM = 1100;

/**
 * The first pause is NAT-PMP's (RFC 6886 section 3.1), as the router is one hop away; each further one is twice as long.
 * RFC 6887 section 8.1.1 would begin with three seconds and never give up.
 */
const FIRST_PAUSE_MS = 250;

/** How often a question is sent unless the caller says otherwise: it is given up after 3.75 seconds. */
const MOST_SENDINGS = 4;

/** By how much each pause varies at random (RAND of RFC 6887 section 8.1.1). */
const JITTER = 0.1;

/** How many datagrams are read; who floods us with others can keep the answer away, but not the event loop busy. */
const MOST_DATAGRAMS = 100;

/** Options of {@linkcode exchange}. */
export interface ExchangeOptions<T> {
  /** The address of this host to send from. */
  readonly from: string;
  /** The router; a link-local address has its zone. */
  readonly to: SocketAddress;
  readonly request: Uint8Array;
  /** The answer that a datagram holds; `undefined` when it is none to this request. Throws nothing. */
  readonly read: (datagram: Uint8Array) => T | undefined;
  /** @default 4 */
  readonly mostSendings?: number;
  /** @default the process's own */
  readonly timer?: Pick<Timer, "after">;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a request until it is answered, each time from the same port. Datagrams from another address or port than the
 * router's are ignored.
 *
 * @returns the answer; `undefined` when none came in time.
 * @throws {GatewayError} `failed` where this host cannot send. @throws the signal's reason.
 */
export async function exchange<T>(options: ExchangeOptions<T>): Promise<T | undefined> {
  const { to, request, mostSendings = MOST_SENDINGS, signal } = options;
  signal?.throwIfAborted();
  const socket = bindDatagrams(options.from, to.address);
  const answer = receiveAnswer(socket, options);
  try {
    for (const pauseMs of pauses(mostSendings)) {
      await send(socket, request, to);
      const found = await answerWithin(answer, pauseMs, options);
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    socket.close();
    await answer;
  }
}

function* pauses(mostSendings: number): Generator<number> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let sendings = 0; sendings < mostSendings; sendings++) {
    yield pauseMs * (1 + JITTER * (2 * Math.random() - 1));
    pauseMs *= 2;
  }
}

/** A socket of its own with any port of an address, to speak to a router. @throws {GatewayError} `failed` */
export function bindDatagrams(from: string, router: string): Deno.DatagramConn {
  try {
    return Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
  } catch (cause) {
    throw new GatewayError("failed", `Cannot ask the router ${router} from ${from}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function send(socket: Deno.DatagramConn, request: Uint8Array, { address, port }: SocketAddress): Promise<void> {
  try {
    await socket.send(request, { transport: "udp", hostname: address, port });
  } catch (cause) {
    throw new GatewayError("failed", `Cannot send to the router ${address}: ${messageOf(cause)}`, { cause });
  }
}

/** The answer, `undefined` when the pause ends before. */
async function answerWithin<T>(
  answer: Promise<T | undefined>,
  pauseMs: number,
  { timer, signal }: ExchangeOptions<T>,
): Promise<T | undefined> {
  const after = timer === undefined ? startTimer : timer.after.bind(timer);
  let stop = () => {};
  const end = new Promise<undefined>((resolve) => stop = after(pauseMs, () => resolve(undefined)));
  // An answer of `undefined` means that no more datagrams are read: the pause is still kept, so that nothing is sent sooner.
  const found = answer.then((value) => value ?? end);
  try {
    return await abortable(Promise.race([found, end]), signal);
  } finally {
    stop();
  }
}

/** Reads datagrams until one is the answer. @returns `undefined` when the socket was closed, or too many others came. */
async function receiveAnswer<T>(
  socket: Deno.DatagramConn,
  { to, read }: Pick<ExchangeOptions<T>, "to" | "read">,
): Promise<T | undefined> {
  const buffer = new Uint8Array(LARGEST_DATAGRAM + 1);
  for (let datagrams = 0; datagrams < MOST_DATAGRAMS; datagrams++) {
    try {
      const [datagram, sender] = await socket.receive(buffer);
      if (datagram.length > LARGEST_DATAGRAM || !isFrom(sender, to)) continue;
      const answer = read(datagram.slice());
      if (answer !== undefined) return answer;
    } catch (error) {
      // Windows reports by this that the router has nobody on the port; somebody may be there at the next sending.
      if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionRefused) continue;
      if (error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource) return undefined;
      throw error;
    }
  }
  return undefined;
}

function isFrom(sender: Deno.Addr, { address, port }: SocketAddress): boolean {
  return sender.transport === "udp" && sender.port === port && isSameAddress(sender.hostname, address);
}

/** Whether two texts are one address, whatever their zones: a socket with a local address has one link. */
function isSameAddress(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
}

function canonical(address: string): string {
  return addressBytes(withoutZone(address))?.join(" ") ?? address;
}
