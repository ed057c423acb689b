/** A router that speaks PCP and NAT-PMP over real UDP, keeps state, and fails as a test says. */
import type { SocketAddress } from "../../../src/gateway/gateway.ts";
import { FakeClock } from "../clock.ts";
import { answerNatPmp } from "./fake_nat_pmp.ts";
import { answerPcp } from "./fake_pcp.ts";
import { MappingTable } from "./mapping_table.ts";

/** How a router behaves; a test may change all of it at any time. */
export class RouterHabits {
  speaksPcp = true;
  speaksNatPmp = true;
  /** Of IPv4; null is none. */
  externalAddress: string | null = "203.0.113.7";
  shortestLifetimeS = 1;
  longestLifetimeS = 86_400;
  /** The result code with which every MAP request is refused that is no deletion; 0 is none. */
  refusal = 0;
  /** The lifetime of PCP's refusals. */
  refusalLifetimeS = 30;
  /** The result code with which deletions are refused; 0 is none. */
  deleteRefusal = 0;
  /** The result code with which it answers a deletion by PCP of what is not there: miniupnpd's is 8. */
  missingDeletion = 0;
  /** Whether it grants the port after the one that was asked for. */
  grantsAnother = false;
  /** Whether it knows PCP's ANNOUNCE, and the option PREFER_FAILURE. */
  knowsAnnounce = true;
  knowsPreferFailure = true;
  /** As miniupnpd: a pinhole that is renewed loses its nonce, and the answer has the port that was suggested. */
  losesNonces = false;
  /** How many datagrams are still left unanswered. */
  ignores = 0;
  /** Whether it answers from another port. */
  answersFromElsewhere = false;
  /** What is sent for an answer. */
  send: (answer: Uint8Array) => readonly Uint8Array[] = (answer) => [answer];
}

/** Options of a {@linkcode FakeRouter}. */
export interface FakeRouterOptions {
  /** @default 127.0.0.1 */
  readonly address?: string;
  /** @default any */
  readonly port?: number;
  readonly clock?: FakeClock;
}

/** At most so many requests are kept for a test to look at. */
const MOST_KEPT = 1000;

/** Listens from its making until it is disposed of. Its epoch and lifetimes run on the clock of the test. */
export class FakeRouter implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly habits = new RouterHabits();
  readonly table: MappingTable;
  /** Requests as they came, with their senders, answered or not. */
  readonly requests: { readonly bytes: Uint8Array; readonly from: SocketAddress }[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #elsewhere: Deno.DatagramConn;
  readonly #served: Promise<void>;
  #startMs: number;

  constructor({ address = "127.0.0.1", port = 0, clock = new FakeClock() }: FakeRouterOptions = {}) {
    this.clock = clock;
    this.table = new MappingTable({ clock });
    this.#startMs = clock.monotonic();
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: address, port });
    this.#elsewhere = Deno.listenDatagram({ transport: "udp", hostname: address, port: 0 });
    this.#served = this.#serve();
  }

  get address(): string {
    return (this.#socket.addr as Deno.NetAddr).hostname;
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  /** Whole seconds since it lost its table. */
  get epochS(): number {
    return Math.floor((this.clock.monotonic() - this.#startMs) / 1000);
  }

  /** As after a power cut: nothing is mapped, and its seconds begin again. */
  restart(): void {
    this.table.clear();
    this.#startMs = this.clock.monotonic();
  }

  /** Loses its table without a word. */
  forget(): void {
    this.table.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    this.#elsewhere.close();
    await this.#served;
  }

  async #serve(): Promise<void> {
    try {
      for await (const [bytes, sender] of this.#socket) {
        const { hostname, port } = sender as Deno.NetAddr;
        const from = { address: hostname, port };
        if (this.requests.length < MOST_KEPT) this.requests.push({ bytes, from });
        await this.#answer(bytes, from, sender);
      }
    } catch (error) {
      // The socket was closed while an answer was sent.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #answer(bytes: Uint8Array, from: SocketAddress, sender: Deno.Addr): Promise<void> {
    if (this.habits.ignores > 0) {
      this.habits.ignores--;
      return;
    }
    const answer = bytes[0] === 0 ? answerNatPmp(this, bytes, from) : answerPcp(this, bytes, from);
    if (answer === undefined) return;
    const socket = this.habits.answersFromElsewhere ? this.#elsewhere : this.#socket;
    for (const each of this.habits.send(answer)) await socket.send(each, sender);
  }
}
