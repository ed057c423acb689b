/** A STUN server on 127.0.0.1, which can be silent and can lie; and the messages that a server sends. */
import { fingerprintOf, TRANSACTION_ID_BYTES } from "../../src/line/stun/codec.ts";
import { addressBytes } from "../../src/os/address.ts";

/** An attribute: its type and its value. */
export type Attribute = readonly [type: number, value: readonly number[] | Uint8Array];

/** A message with these attributes, padded, and with a fingerprint at its end if wanted. */
export function stunMessage(
  type: number,
  transactionId: Uint8Array,
  attributes: readonly Attribute[],
  { hasFingerprint = false } = {},
): Uint8Array<ArrayBuffer> {
  const body = attributes.flatMap(([kind, value]) => [
    ...[kind >> 8, kind & 255, value.length >> 8, value.length & 255],
    ...value,
    ...new Array<number>((4 - value.length % 4) % 4).fill(0),
  ]);
  const length = body.length + (hasFingerprint ? 8 : 0);
  const head = [type >> 8, type & 255, length >> 8, length & 255, 0x21, 0x12, 0xa4, 0x42, ...transactionId, ...body];
  if (!hasFingerprint) return Uint8Array.from(head);
  const crc = fingerprintOf(Uint8Array.from(head));
  return Uint8Array.from([...head, 0x80, 0x28, 0, 4, crc >>> 24, crc >>> 16 & 255, crc >>> 8 & 255, crc & 255]);
}

/** XOR-MAPPED-ADDRESS. */
export function xorMappedAddress(address: string, port: number, transactionId: Uint8Array): Attribute {
  const mask = [0x21, 0x12, 0xa4, 0x42, ...transactionId];
  const bytes = addressBytes(address)!;
  const family = bytes.length === 4 ? 1 : 2;
  return [0x0020, [0, family, port >> 8 ^ 0x21, port & 255 ^ 0x12, ...bytes.map((byte, i) => byte ^ mask[i]!)]];
}

/** MAPPED-ADDRESS. */
export function mappedAddress(address: string, port: number): Attribute {
  const bytes = addressBytes(address)!;
  return [0x0001, [0, bytes.length === 4 ? 1 : 2, port >> 8, port & 255, ...bytes]];
}

/** A request, as a server of these tests sees it. */
export interface SeenRequest {
  readonly transactionId: Uint8Array;
  readonly from: Deno.NetAddr;
  /** Counts from 0. */
  readonly number: number;
}

/** A running server. */
export interface FakeStunServer extends AsyncDisposable {
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  /** Resolves when so many requests have come. */
  seen(count: number): Promise<void>;
}

/** What a server answers: packets to send back; `undefined` is the truth. */
export type Answering = (request: SeenRequest) => readonly Uint8Array<ArrayBuffer>[] | undefined;

/** The answer of a server that says this address and port. */
export function answerOf({ transactionId }: SeenRequest, address: string, port: number): Uint8Array<ArrayBuffer> {
  return stunMessage(0x0101, transactionId, [xorMappedAddress(address, port, transactionId)]);
}

/** Starts a server. @param hostname is another one of 127.0.0.0/8 where two servers have to differ. */
export function startStunServer(answering: Answering = () => undefined, hostname = "127.0.0.1"): FakeStunServer {
  const socket = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  const requests: SeenRequest[] = [];
  let wake = () => {};
  const served = (async () => {
    for await (const [data, address] of socket) {
      const from = address as Deno.NetAddr;
      const request = { transactionId: data.slice(8, 8 + TRANSACTION_ID_BYTES), from, number: requests.length };
      requests.push(request);
      wake();
      const answers = answering(request) ?? [answerOf(request, from.hostname, from.port)];
      for (const answer of answers) await socket.send(answer, from);
    }
  })();
  return {
    port: (socket.addr as Deno.NetAddr).port,
    requests,
    async seen(count) {
      while (requests.length < count) await new Promise<void>((resolve) => wake = resolve);
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await served;
    },
  };
}
