/**
 * A look by STUN: twelve local ports ask one server which external port each of them has, and a second server is asked
 * once as a witness. A NAT may have few ports for this machine, so every socket is closed as soon as it is answered, and a
 * server that does not answer the first socket costs no further ones.
 */
import { type Clock, isoInstant } from "../../clock.ts";
import { reasonOf } from "../../errors.ts";
import { escapeControls } from "../../escape.ts";
import { addressBytes } from "../../os/address.ts";
import { HIGHEST_PORT } from "../../port/port.ts";
import { abortable, within } from "../../wait.ts";
import { kindOfAddress } from "../address_kind.ts";
import type { StunSample } from "../line.ts";
import type { StunLook } from "../verdict.ts";
import { askOver, type Reply } from "./exchange.ts";
import { type StunServer, stunServerText } from "./server.ts";

/** How many local ports ask. */
const SAMPLES = 12;
/** Local ports are taken from here on: above what servers commonly listen on. */
const LOWEST_LOCAL_PORT = 32768;
/** How many ports of a stretch are tried before the system chooses. */
const PORT_TRIES = 8;
const RESOLVE_MS = 5000;

/** What a look found. */
export interface StunOutcome {
  /** Null where no server answered. */
  readonly look: StunLook | null;
  /** Why servers gave nothing, a sentence each. */
  readonly failures: readonly string[];
}

/** Options of {@linkcode lookByStun}. */
export interface StunOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Local UDP ports that are left alone. @default none */
  readonly isReserved?: (port: number) => boolean;
  /** The IPv4 addresses of a name. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/**
 * Asks the servers in their order until one answers with a public address, then one more. Takes five seconds, and three a server, at most.
 *
 * @throws the signal's reason.
 */
export async function lookByStun(servers: readonly StunServer[], options: StunOptions): Promise<StunOutcome> {
  const failures: string[] = [];
  let found: Omit<StunLook, "second"> & { readonly server: Deno.NetAddr } | undefined;
  const resolved = servers.map((server) => addressOf(server, options));
  for (const [i, server] of servers.entries()) {
    const failed = (reason: string) => void failures.push(`${stunServerText(server)}: ${reason}`);
    const address = await resolved[i]!;
    options.signal?.throwIfAborted();
    if (typeof address === "string") {
      failed(address);
    } else if (found === undefined || isOdd(found.samples[0])) {
      const samples = await sample(address, options, failed);
      if (samples.length > 0) {
        found = { samples, asked: SAMPLES, at: isoInstant(options.clock.now()), server: address };
      }
    } else if (address.hostname !== found.server.hostname) {
      const [second] = await askAll([0], address, options, failed);
      if (second !== undefined) return { look: { ...lookOf(found), second }, failures };
    }
  }
  return { look: found === undefined ? null : { ...lookOf(found), second: null }, failures };
}

function lookOf({ samples, asked, at }: Omit<StunLook, "second">): Omit<StunLook, "second"> {
  return { samples, asked, at };
}

/** The first port asks alone; the others, if that is of any use, each when the one before has sent. */
async function sample(server: Deno.NetAddr, options: StunOptions, failed: (reason: string) => void) {
  const first = await askAll([0], server, options, failed);
  if (first.length === 0 || isOdd(first[0])) return first;
  const places = Array.from({ length: SAMPLES - 1 }, (_, i) => i + 1);
  return [...first, ...await askAll(places, server, options, () => {})];
}

/** Whether an answer says nothing of the line: its server is behind the same NAT, or lies. */
function isOdd(sample: StunSample | undefined): boolean {
  return sample !== undefined && kindOfAddress(sample.address) !== "public";
}

/** @param places are the stretches of local ports. @param failed is told why one has no sample. */
async function askAll(
  places: readonly number[],
  server: Deno.NetAddr,
  { clock, signal, isReserved = () => false }: StunOptions,
  failed: (reason: string) => void,
): Promise<StunSample[]> {
  const asked: { readonly localPort: number; readonly reply: Promise<Reply> }[] = [];
  for (const place of places) {
    const socket = bindInStretch(place, isReserved);
    if (typeof socket === "string") {
      failed(socket);
      break;
    }
    const localPort = (socket.addr as Deno.NetAddr).port;
    await new Promise<void>((onSent) => {
      asked.push({ localPort, reply: askOver(socket, server, { timer: clock, signal, onSent }) });
    });
  }
  const samples: StunSample[] = [];
  for (const { localPort, reply } of asked) {
    const answer = await reply;
    if (answer.kind === "mapped") samples.push({ localPort, address: answer.address, port: answer.port });
    else failed(reasonFor(answer));
  }
  signal?.throwIfAborted();
  return samples;
}

function reasonFor(answer: Exclude<Reply, { readonly kind: "mapped" }>): string {
  if (answer.kind === "none") return answer.reason;
  return `it refuses with error ${answer.code} ${escapeControls(answer.reason)}`.trim();
}

/** A UDP socket on a random port of one of twelve stretches, so that the local ports are spread; why none otherwise. */
function bindInStretch(place: number, isReserved: (port: number) => boolean): Deno.DatagramConn | string {
  const length = Math.floor((HIGHEST_PORT + 1 - LOWEST_LOCAL_PORT) / SAMPLES);
  for (let i = 0; i < PORT_TRIES; i++) {
    const port = LOWEST_LOCAL_PORT + place * length + Math.floor(Math.random() * length);
    const socket = isReserved(port) ? undefined : bind(port);
    if (socket !== undefined) return socket;
  }
  try {
    return bind(0)!;
  } catch (error) {
    return reasonOf(error);
  }
}

/** @returns `undefined` where the port is taken. */
function bind(port: number): Deno.DatagramConn | undefined {
  try {
    return Deno.listenDatagram({ hostname: "0.0.0.0", port, transport: "udp", reuseAddress: false });
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied;
    if (isTaken && port !== 0) return undefined;
    throw error;
  }
}

/** The server's IPv4 address; why it has none otherwise. Never rejects: when the signal is aborted, there is none. */
async function addressOf({ host, port }: StunServer, options: StunOptions) {
  const addresses = addressBytes(host) === undefined ? await addressesOf(host, options) : [host];
  if (addresses === undefined) return "its name cannot be resolved to an IPv4 address";
  const hostname = addresses.find(isOfOneHost);
  if (hostname === undefined) return "it has no IPv4 address of a single machine";
  return { transport: "udp", hostname, port } satisfies Deno.NetAddr;
}

async function addressesOf(host: string, { resolve = resolveBySystem, signal }: StunOptions) {
  try {
    return await abortable(within(resolve(host), RESOLVE_MS), signal);
  } catch (error) {
    if (error instanceof Error || signal?.aborted) return undefined; // whatever the resolver's reason
    throw error;
  }
}

/** No address of the network itself, and none of many hosts. */
function isOfOneHost(address: string): boolean {
  const first = addressBytes(address)?.[0];
  return first !== undefined && !address.includes(":") && first !== 0 && first < 224;
}

async function resolveBySystem(host: string): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(host, { family: 4, all: true })).map(({ address }) => address);
}
