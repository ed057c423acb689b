/**
 * The search for the router: SSDP, UPnP Device Architecture 2.0 section 1.3. The search goes to the multicast group, and
 * to the gateway itself: some networks carry no multicast, and a host's firewall that lets only answers in knows none to
 * what was sent to a group.
 */
import { splitField } from "../../header_field.ts";
import { abortable, startTimer } from "../../wait.ts";
import { GatewayError } from "../gateway.ts";
import { hostOf, type Target } from "./http.ts";
import { type Home, isGateway, readLocation } from "./place.ts";

/** What is searched for, the best first. */
export const SEARCH_TARGETS = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
  "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1",
] as const;

/** SSDP's port. */
export const SSDP_PORT = 1900;

/** Datagrams that are looked at in one search, whoever sends them. */
const MOST_DATAGRAMS = 500;

/** Descriptions that are kept of one search. */
const MOST_LOCATIONS = 8;

/** The longest answer that is read, in bytes. */
const LONGEST_ANSWER = 4096;

/** When the search is sent, in milliseconds after its begin: datagrams get lost. */
const SENT_AT_MS = [0, 500, 1200];

/** Options of {@linkcode searchRouter}. */
export interface SearchOptions {
  /** To which port the search goes. @default 1900 */
  readonly port?: number | undefined;
  /** How long answers are awaited, in milliseconds. @default 2500: the second that a router may take after the last one is sent */
  readonly limitMs?: number | undefined;
  /** How long others are awaited after the router's first answer. @default 400 */
  readonly restMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Searches for the router's descriptions. Only what comes from the gateway's address counts.
 *
 * @returns where the descriptions are, those of a better {@linkcode SEARCH_TARGETS} first; one or more.
 * @throws {GatewayError} `silent` where the gateway has not answered, `failed` where it names no description of its own.
 * @throws the signal's reason.
 */
export async function searchRouter(home: Home, options: SearchOptions = {}): Promise<readonly Target[]> {
  const { port = SSDP_PORT, limitMs = 2500, restMs = 400, signal } = options;
  signal?.throwIfAborted();
  const search = new Search(home, openSocket(home), { port, restMs });
  const stops = [
    startTimer(limitMs, () => search.end()),
    ...SENT_AT_MS.map((ms) => startTimer(ms, () => search.send())),
  ];
  try {
    return await abortable(search.run(), signal);
  } finally {
    for (const stop of stops) stop();
    search.end();
  }
}

/** A socket that hears what answers. For IPv6 the system chooses the link-local address, to which answers come from one. */
function openSocket({ family, localAddress }: Home): Deno.DatagramConn {
  try {
    const hostname = family === "ipv6" ? "::" : localAddress;
    return Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  } catch (error) {
    // The address has left this host since the way to the internet was read, or the system has no such family.
    throw new GatewayError("silent", `Cannot search for the router by UPnP from ${localAddress}`, { cause: error });
  }
}

interface SearchTimes {
  readonly port: number;
  readonly restMs: number;
}

/** One search. */
class Search {
  readonly #home: Home;
  readonly #socket: Deno.DatagramConn;
  readonly #times: SearchTimes;
  /** By where it is; the number is the place in {@linkcode SEARCH_TARGETS} of the best answer that named it. */
  readonly #found = new Map<string, { readonly target: Target; rank: number }>();
  #refused = 0;
  #hasEnded = false;
  #stopRest = () => {};

  constructor(home: Home, socket: Deno.DatagramConn, times: SearchTimes) {
    this.#home = home;
    this.#socket = socket;
    this.#times = times;
  }

  send(): void {
    for (const hostname of destinations(this.#home)) {
      for (const target of SEARCH_TARGETS) {
        const bytes = searchBytes(target, hostname, this.#times.port);
        // A network that carries no multicast, a closed socket: what is not sent is not answered, and that is said.
        this.#socket.send(bytes, { hostname, port: this.#times.port, transport: "udp" }).catch(() => {});
      }
    }
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stopRest();
    this.#socket.close();
  }

  async run(): Promise<readonly Target[]> {
    for (let datagrams = 0; datagrams < MOST_DATAGRAMS; datagrams++) {
      const received = await this.#receive();
      if (received === undefined) break;
      const [bytes, from] = received;
      if (from.transport === "udp" && isGateway(from.hostname, this.#home)) this.#take(bytes);
    }
    if (this.#found.size > 0) {
      return [...this.#found.values()].sort((a, b) => a.rank - b.rank).map(({ target }) => target);
    }
    const { gateway } = this.#home;
    throw this.#refused > 0
      ? new GatewayError("failed", `Cannot use the UPnP answer of the router ${gateway}: its description is not on it`)
      : new GatewayError("silent", `The router ${gateway} does not answer by UPnP`);
  }

  async #receive(): Promise<[Uint8Array, Deno.Addr] | undefined> {
    while (!this.#hasEnded) {
      try {
        return await this.#socket.receive();
      } catch (error) {
        // Windows and Linux report a port that nobody listens on (ICMP) at the next receive: others may still answer.
        if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionRefused)) {
          this.end();
        }
      }
    }
  }

  #take(bytes: Uint8Array): void {
    const answer = readSearchAnswer(bytes);
    if (answer === undefined) return;
    if (this.#found.size === 0 && this.#refused === 0) {
      this.#stopRest = startTimer(this.#times.restMs, () => this.end());
    }
    const target = readLocation(answer.location, this.#home);
    if (target === undefined) {
      this.#refused++;
      return;
    }
    const key = `${hostOf(target)}${target.path}`, found = this.#found.get(key);
    if (found !== undefined) found.rank = Math.min(found.rank, answer.rank);
    else if (this.#found.size < MOST_LOCATIONS) this.#found.set(key, { target, rank: answer.rank });
  }
}

function destinations({ family, gateway }: Home): readonly string[] {
  const [, zone] = gateway.split("%");
  return [family === "ipv4" ? "239.255.255.250" : `ff02::c${zone === undefined ? "" : `%${zone}`}`, gateway];
}

/** The search for one target. To a router alone it has the same form (section 1.3.2). */
export function searchBytes(target: string, hostname: string, port: number): Uint8Array<ArrayBuffer> {
  const host = hostOf({ address: hostname, port, path: "" });
  return new TextEncoder().encode(
    `M-SEARCH * HTTP/1.1\r\nHOST: ${host}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${target}\r\n\r\n`,
  );
}

/** What an answer says, as far as it is wanted. */
export interface SearchAnswer {
  readonly location: string;
  /** The place of what it answers for in {@linkcode SEARCH_TARGETS}. */
  readonly rank: number;
}

/** Reads an answer. Total. @returns `undefined` where it is none, or one of something else than a router. */
export function readSearchAnswer(bytes: Uint8Array): SearchAnswer | undefined {
  if (bytes.length > LONGEST_ANSWER) return undefined;
  const [first = "", ...lines] = new TextDecoder("latin1").decode(bytes).split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200(?: |$)/i.test(first)) return undefined;
  const field = (name: string) => {
    for (const line of lines) {
      const found = splitField(line);
      if (found?.name.trimEnd().toLowerCase() === name) return found.value;
    }
  };
  const location = field("location"), target = field("st");
  const rank = SEARCH_TARGETS.findIndex((wanted) => wanted === target);
  return location === undefined || rank < 0 ? undefined : { location, rank };
}
