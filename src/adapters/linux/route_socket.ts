/** Asks the kernel for adapters, addresses and routes over netlink. The messages are in rtnetlink.ts. */
import { errno, type Libc } from "../../os/linux/libc.ts";
import {
  type Dump,
  encodeDump,
  encodeRouteTo,
  type Link,
  type LinkAddress,
  parseRouteReply,
  type Route,
  type RouteReply,
} from "./rtnetlink.ts";

const AF_NETLINK = 16, SOCK_RAW = 3, SOCK_CLOEXEC = 0o2000000, NETLINK_ROUTE = 0;
/** The kernel's datagrams are no longer where the buffer is not. */
const BUFFER_SIZE = 65_536;
/** A missing answer must not stop the daemon: `struct timeval` of two seconds. */
const SOL_SOCKET = 1, SO_RCVTIMEO = 20;
const TWO_SECONDS = new Uint8Array(new BigInt64Array([2n, 0n]).buffer);
/** How often a list is asked for that changes while it is made. */
const MOST_TRIES = 5;
/** More than any machine has; a list without an end is none. */
const MOST_ENTRIES = 100_000;

/** What {@linkcode readRoutes} finds. */
export interface RoutingState {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly defaults: readonly Route[];
  /** The route to each of the targets, in their order; null where there is none. */
  readonly ways: readonly (Route | null)[];
}

/**
 * The adapters, their addresses, the default routes, and the routes to addresses. Nothing is sent to those. Does not block
 * the event loop.
 *
 * @throws where the kernel does not answer, or this program may not ask it.
 */
export async function readRoutes(libc: Libc, targets: readonly string[]): Promise<RoutingState> {
  using socket = new RouteSocket(libc);
  const links = (await socket.dump("links")).flatMap((reply) => reply.links);
  const addresses = (await socket.dump("addresses")).flatMap((reply) => reply.addresses);
  const defaults = (await socket.dump("routes")).flatMap((reply) => reply.routes);
  const ways: (Route | null)[] = [];
  for (const target of targets) ways.push(await socket.routeTo(target));
  return { links, addresses, defaults: defaults.filter(({ isDefault }) => isDefault), ways };
}

/** An open netlink socket; one question at a time. */
class RouteSocket implements Disposable {
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  #sequence = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#descriptor = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (this.#descriptor < 0) throw new Error(`Cannot read the network: no netlink socket, errno ${errno(libc)}`);
    libc.setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVTIMEO, TWO_SECONDS, TWO_SECONDS.length);
  }

  /** The whole list, datagram by datagram. */
  async dump(what: Dump): Promise<readonly RouteReply[]> {
    for (let tries = 1;; tries++) {
      const replies = await this.#list(what);
      if (tries === MOST_TRIES || !replies.some(({ isTorn }) => isTorn)) return replies;
    }
  }

  /** The route that a packet to this address would take; null where there is none. */
  async routeTo(target: string): Promise<Route | null> {
    const sequence = ++this.#sequence;
    await this.#send(encodeRouteTo(target, sequence));
    return (await this.#next(sequence)).routes[0] ?? null; // an error is ENETUNREACH, or the family is not there
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#descriptor);
  }

  async #list(what: Dump): Promise<readonly RouteReply[]> {
    const sequence = ++this.#sequence;
    await this.#send(encodeDump(what, sequence));
    const replies: RouteReply[] = [];
    let entries = 0;
    for (;;) {
      const reply = await this.#next(sequence);
      if (reply.error !== 0) throw new Error(`Cannot read the network: errno ${reply.error}`);
      replies.push(reply);
      entries += reply.links.length + reply.addresses.length + reply.routes.length;
      if (reply.isDone) return replies;
      if (entries > MOST_ENTRIES) throw new Error(`Cannot read the network: more than ${MOST_ENTRIES} ${what}`);
    }
  }

  async #send(message: Uint8Array<ArrayBuffer>): Promise<void> {
    const sent = await this.#libc.sendOffLoop(this.#descriptor, message, BigInt(message.length), 0);
    if (sent < 0) throw new Error("Cannot read the network: the kernel does not take the request");
  }

  async #next(sequence: number): Promise<RouteReply> {
    const length = await this.#libc.recvOffLoop(this.#descriptor, this.#buffer, BigInt(BUFFER_SIZE), 0);
    if (length < 0) throw new Error("Cannot read the network: the kernel does not answer");
    return parseRouteReply(this.#buffer.subarray(0, Number(length)), sequence);
  }
}
