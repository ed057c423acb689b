/** One binding request over one socket: sent again until it is answered, for a few seconds at most. */
import type { Timer } from "../../clock.ts";
import { reasonOf } from "../../errors.ts";
import { type BindingAnswer, decodeBindingAnswer, encodeBindingRequest, newTransactionId } from "./codec.ts";

/** When a request is sent again, in milliseconds after the first time: RFC 8489 section 6.2.1, cut short. */
const SEND_AGAIN_AT_MS = [500, 1500];
/** How long an answer is waited for. */
const ANSWER_MS = 3000;
/** How many packets are read that are no answer of the server: others may send to the port. */
const MOST_STRANGE_PACKETS = 200;
/** Longer than any answer, which has to fit into one packet of IPv4. */
const PACKET_BYTES = 1500;

/** An answer, or why there is none. */
export type Reply = BindingAnswer | { readonly kind: "none"; readonly reason: string };

/** Options of {@linkcode askOver}. */
export interface AskOptions {
  readonly timer: Timer;
  readonly signal?: AbortSignal | undefined;
  /** Called when the request was sent for the first time, or could not be. */
  readonly onSent?: () => void;
}

/**
 * Asks a server which address and port it sees, and closes the socket. Only an answer from the server's own address, to
 * this request, counts. Never rejects: when the signal is aborted, there is no answer.
 */
export async function askOver(
  socket: Deno.DatagramConn,
  server: Deno.NetAddr,
  { timer, signal, onSent = () => {} }: AskOptions,
): Promise<Reply> {
  const transactionId = newTransactionId();
  const request = encodeBindingRequest(transactionId);
  let reason = `no answer within ${ANSWER_MS / 1000}s`;
  const fail = (error: unknown) => void (reason = reasonOf(error));
  const send = () => socket.send(request, server).then(() => {}, fail);
  const close = closer(socket);
  const timers = SEND_AGAIN_AT_MS.map((ms) => timer.after(ms, () => void send()));
  timers.push(timer.after(ANSWER_MS, close));
  signal?.addEventListener("abort", close);
  if (signal?.aborted) close();
  void send().then(onSent);
  try {
    return await readAnswer(socket, server, transactionId) ?? { kind: "none", reason };
  } catch (error) {
    return { kind: "none", reason: reasonOf(error) };
  } finally {
    signal?.removeEventListener("abort", close);
    for (const stop of timers) stop();
    close();
  }
}

/** The first answer that counts; `undefined` when the socket was closed before. */
async function readAnswer(socket: Deno.DatagramConn, server: Deno.NetAddr, transactionId: Uint8Array) {
  const buffer = new Uint8Array(PACKET_BYTES);
  for (let strange = 0; strange < MOST_STRANGE_PACKETS; strange++) {
    const packet = await receive(socket, buffer);
    if (packet === "closed") return undefined;
    if (packet === "refused") continue;
    const [bytes, from] = packet;
    if (from.hostname !== server.hostname || from.port !== server.port) continue;
    const answer = decodeBindingAnswer(bytes, transactionId);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** The next packet. Windows reports at a receive that an earlier packet was refused. */
async function receive(socket: Deno.DatagramConn, buffer: Uint8Array<ArrayBuffer>) {
  try {
    return await socket.receive(buffer) as [Uint8Array, Deno.NetAddr];
  } catch (error) {
    if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return "closed";
    if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionRefused) {
      return "refused";
    }
    throw error;
  }
}

/** Closes a socket, once. */
function closer(socket: Deno.DatagramConn): () => void {
  let isOpen = true;
  return () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
}
