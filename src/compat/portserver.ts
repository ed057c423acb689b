/**
 * The portserver protocol of python_portpicker (`PORTSERVER_ADDRESS`): a client connects to a Unix socket or a named
 * pipe, writes the number of a process, and reads a port, which is then that process's until it ends, for TCP and UDP.
 * Where there is none for it, the connection is closed without a byte. There is no other word in the protocol.
 */
import { messageOf } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import { pause } from "../wait.ts";
import { type CompatLeases, grantPort } from "./grants.ts";
import { readPidRequest } from "./pid_request.ts";
import type { ByteStream, Streams } from "./stream.ts";
import { openStreams } from "./streams.ts";

/** What it asks of the daemon. */
export interface PortserverParts {
  readonly registry: CompatLeases;
  readonly log: WriteLine;
}

/** How long a client may take to ask. */
const PATIENCE_MS = 5000;
/** How many clients are served at once; more are closed without an answer. */
const MOST_CLIENTS = 512;
/** One piece is read, which is the request: what is left unread would reset the connection of a client that sent more. */
const PIECE_BYTES = 4096;
/** Between two tries to accept, when the first failed: there was no descriptor. */
const ACCEPT_PAUSE_MS = 100;

/** A server on one address. */
export class Portserver {
  readonly #streams: Streams;
  readonly #parts: PortserverParts;
  readonly #clients = new Set<ByteStream>();
  readonly #serving: Promise<void>;
  #isClosed = false;

  private constructor(streams: Streams, parts: PortserverParts) {
    this.#streams = streams;
    this.#parts = parts;
    this.#serving = this.#serve();
  }

  /**
   * Listens.
   *
   * @param address is a path, `@name` in Linux's abstract namespace, or `\\.\pipe\name`.
   * @throws {PortdError} `port_in_use` where another program listens there, and the system's errors.
   */
  static async open(address: string, parts: PortserverParts): Promise<Portserver> {
    return new Portserver(await openStreams(address), parts);
  }

  /** Takes no more clients, and closes those that have no answer yet. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#streams.close();
    for (const client of this.#clients) client.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const client = await this.#streams.accept();
        if (this.#clients.size >= MOST_CLIENTS) client.close();
        else void this.#answer(client);
      } catch (error) {
        if (this.#isClosed) return;
        this.#parts.log(`portserver: cannot accept: ${messageOf(error)}`, "warning");
        await pause(ACCEPT_PAUSE_MS);
      }
    }
  }

  async #answer(client: ByteStream): Promise<void> {
    this.#clients.add(client);
    const timer = setTimeout(() => client.close(), PATIENCE_MS);
    try {
      const request = await client.read(PIECE_BYTES);
      clearTimeout(timer);
      const pid = readPidRequest(request);
      const port = pid === undefined ? undefined : await this.#grant(pid);
      if (port !== undefined) await client.write(new TextEncoder().encode(`${port}\n`));
    } catch (error) {
      // A client that leaves early, or is closed for being late, is no news.
      if (!client.isClosed) this.#parts.log(`portserver: ${messageOf(error)}`, "warning");
    } finally {
      clearTimeout(timer);
      this.#clients.delete(client);
      client.close();
    }
  }

  async #grant(pid: number): Promise<number | undefined> {
    return await grantPort(this.#parts.registry, {
      protocol: "portserver",
      protocols: ["tcp", "udp"],
      pid,
      owner: this.#streams.isPrivate ? null : "unknown",
      lifetime: { kind: "process", graceMs: 0 },
    });
  }
}
