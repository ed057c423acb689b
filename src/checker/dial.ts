/** Dialling a port from a fresh socket, bounded in time and bytes. */
import { isBrokenConnection } from "../os/broken_connection.ts";
import { datagramsOf } from "../os/datagrams.ts";
import type { Endpoint } from "../port/port.ts";
import { canonicalCaller } from "./caller_address.ts";
import { answerOf, isSame, probeOf } from "./probe.ts";

/** Where a checker dials. */
export interface Target extends Endpoint {
  /** Canonical text. */
  readonly address: string;
}

/**
 * What came of it. `open`: it was connected to (TCP), or the answer came (UDP); `refused`: the host says that nobody
 * listens; `silent`: nothing came back in time; `unreachable`: a router or our own system says that there is no way.
 */
export type Outcome = "open" | "refused" | "silent" | "unreachable";

/** What came of dialling. */
export interface Dialled {
  readonly outcome: Outcome;
  /** Whether portd's temporary listener of this nonce has answered. */
  readonly answered: boolean;
  /** From the first packet to the connection, to the answer of UDP, or to the end, in milliseconds. */
  readonly elapsedMs: number;
}

/**
 * Dials a target.
 *
 * @param nonce is what the probe carries; null sends nothing, and then nothing is known of a UDP port.
 * @throws what is no fault of the target, such as that there is no descriptor left.
 */
export type Dial = (target: Target, nonce: string | null) => Promise<Dialled>;

/** How long a connection may take. */
const CONNECT_MS = 5000;
/** How long an answer may take. */
const ANSWER_MS = 3000;
/** After these times a datagram is sent: two of 24 bytes, as at most 64 may be sent in all. */
const DATAGRAMS_AT_MS = [0, 1000];
/** So many datagrams of others are passed over. */
const MOST_STRANGERS = 64;

/** The system's names of what comes from the target, or from the way there. */
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "refused",
  ETIMEDOUT: "silent",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EACCES: "unreachable", // a router's "prohibited"
  EINVAL: "unreachable", // a link-local address without its zone
};

/** Dials as the protocol asks. */
export const dial: Dial = async (target, nonce) => {
  const dialogue = nonce === null ? null : { probe: probeOf(nonce), answer: await answerOf(nonce) };
  const startedAt = performance.now();
  if (target.protocol === "tcp") return await dialTcp(target, dialogue, startedAt);
  return dialogue === null ? ended(startedAt, "silent") : await dialUdp(target, dialogue, startedAt);
};

interface Dialogue {
  readonly probe: Uint8Array<ArrayBuffer>;
  readonly answer: Uint8Array;
}

/** A connection proves that the port is open; our answer proves who listens. */
async function dialTcp({ address, port }: Target, dialogue: Dialogue | null, startedAt: number): Promise<Dialled> {
  const signal = AbortSignal.timeout(CONNECT_MS);
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname: address, port, signal, autoSelectFamily: false });
  } catch (error) {
    return ended(startedAt, signal.aborted ? "silent" : outcomeOf(error));
  }
  const { elapsedMs } = ended(startedAt, "open");
  using socket = connection;
  if (dialogue === null) return { outcome: "open", answered: false, elapsedMs };
  const { probe, answer } = dialogue;
  const late = setTimeout(() => socket.close(), ANSWER_MS);
  try {
    await socket.write(probe);
    return { outcome: "open", answered: isSame(await readExactly(socket, answer.length), answer), elapsedMs };
  } catch (error) {
    if (!isBrokenConnection(error)) throw error;
    return { outcome: "open", answered: false, elapsedMs };
  } finally {
    clearTimeout(late);
  }
}

/** So many bytes, or those that came before the end. */
async function readExactly(socket: Deno.TcpConn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const count = await socket.read(bytes.subarray(read));
    if (count === null) return bytes.subarray(0, read);
    read += count;
  }
  return bytes;
}

/** Nothing but the answer proves that a UDP port is open. */
async function dialUdp({ address, port }: Target, { probe, answer }: Dialogue, startedAt: number): Promise<Dialled> {
  const hostname = address.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const ending = new AbortController();
  ending.signal.addEventListener("abort", () => socket.close(), { once: true });
  let failure: unknown;
  const send = () =>
    socket.send(probe, { transport: "udp", hostname: address, port }).catch((error) => {
      if (ending.signal.aborted) return;
      failure = error;
      ending.abort();
    });
  const timers = [...DATAGRAMS_AT_MS.map((ms) => setTimeout(send, ms)), setTimeout(() => ending.abort(), ANSWER_MS)];
  try {
    const answered = await receives(socket, { address, port, answer });
    if (failure !== undefined) return ended(startedAt, outcomeOf(failure));
    return ended(startedAt, answered ? "open" : "silent", answered);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    ending.abort();
  }
}

/** Whether the answer comes, from where it was asked for, before the socket is closed. */
async function receives(
  socket: Deno.DatagramConn,
  { address, port, answer }: Omit<Target, "protocol"> & Pick<Dialogue, "answer">,
): Promise<boolean> {
  let strangers = 0;
  for await (const [bytes, { hostname, port: from }] of datagramsOf(socket)) {
    if (from === port && canonicalCaller(hostname) === address && isSame(bytes, answer)) return true;
    if (++strangers >= MOST_STRANGERS) return false;
  }
  return false;
}

function ended(startedAt: number, outcome: Outcome, answered = false): Dialled {
  return { outcome, answered, elapsedMs: performance.now() - startedAt };
}

/** @throws the error where it says nothing about the target. */
function outcomeOf(error: unknown): Outcome {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const outcome = Object.hasOwn(OUTCOMES, code) ? OUTCOMES[code] : undefined;
  if (outcome === undefined) throw error;
  return outcome;
}
