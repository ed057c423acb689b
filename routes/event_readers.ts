/**
 * All who read `GET /events`. A reader is a place in the log of events and nothing more: it gets the next piece when its
 * connection has taken the one before, and readers at the same place share the piece. So a slow reader costs no memory,
 * and an event costs the same whether nobody reads it or everybody. A reader that takes nothing for a minute is dropped.
 */
import { Buffer } from "node:buffer";
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import type { LoggedEvent } from "../src/lease/events.ts";
import type { ReaderCounts } from "../src/metrics/server_counts.ts";

/** Readers at a time, and those of one user who is not the daemon's own: nobody can take all places. */
export const MOST_READERS = 256, MOST_OF_A_USER = 64;
/** A comment comes so often where nothing else does: both ends see whether the connection stands. */
export const KEEP_ALIVE_MS = 15_000;
/**
 * Readers get what has come up together, at most so often; the first event after a pause is not held up. Where there are
 * more readers the pause is longer, so that all of them together get a thousand pieces a second at most.
 */
const WAKE_MS = 50, MS_A_READER = 1;
/** As much is made for a reader at once, in bytes; a single event may be longer. */
const PIECE_BYTES = 65_536;
/** A reader that has not taken what it was given for so long is dropped. */
export const STUCK_MS = 60_000;

/** The place of a reader whose id is not known. */
const LOST = -1;

const encoder = new TextEncoder();
const STILL_HERE = encoder.encode(": still here\n\n");

/** What {@linkcode EventReaders} need. */
export interface EventReadersParts extends Pick<Services, "events" | "clock" | "signal"> {
  /** The message that a reader gets for an event. */
  readonly encode: (event: LoggedEvent) => Uint8Array;
  readonly counts: ReaderCounts;
}

/** The connection over which a reader gets its stream. */
export interface ReaderConnection {
  /** Ends it, and what the reader has not taken is lost. Where the system cannot do that, nothing happens. */
  readonly cut: () => void;
  /** Resolves when it has ended, or has taken the whole stream. */
  readonly ended: Promise<void>;
}

/** Options of {@linkcode EventReaders.open}. */
export interface ReaderOptions {
  /**
   * The stream goes on behind this event; where what followed it cannot be had any more, it begins with `reset`. Without
   * it the stream begins now.
   */
  readonly lastId?: string | undefined;
  /** Without a `lastId` the stream begins with the oldest event that is kept. @default false */
  readonly replay?: boolean | undefined;
  /** False ends the stream behind what has happened until now. @default true */
  readonly follow?: boolean | undefined;
  /** The user for whom the reader counts; null where it counts for none. @default null */
  readonly user?: string | null;
  readonly connection?: ReaderConnection | undefined;
}

interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly connection: ReaderConnection | undefined;
  readonly user: string | null;
  /** The stream ends behind the event of this number. */
  readonly end: number;
  /** Number of the last event that it has got, or that it need not get. */
  place: number;
  /** When it was given what it has not taken yet; `undefined` when it has taken all. */
  givenAt: number | undefined;
}

/** Events one after the other, as bytes. */
interface Piece {
  readonly after: number;
  readonly last: number;
  readonly bytes: Uint8Array;
  readonly isFull: boolean;
}

/** Serves all readers from one log, with one timer and one subscription for them all. */
export class EventReaders {
  readonly #parts: EventReadersParts;
  readonly #readers = new Set<Reader>();
  /** Those who have got all there was and wait for more. */
  readonly #waiting = new Set<Reader>();
  /** Those who were dropped and whose connections have not ended yet: these still cost memory, and so have a place. */
  readonly #leaving = new Set<Reader>();
  /** Made last: readers that are up to date all want the same. */
  #piece: Piece | undefined;
  #wokenAt = -Infinity;
  #cancelWake: (() => void) | undefined;
  /** Ends the subscription and the comments; there are neither while nobody reads. */
  #stop: (() => void) | undefined;

  constructor(parts: EventReadersParts) {
    this.#parts = parts;
    parts.signal.addEventListener("abort", () => this.#end(), { once: true });
  }

  /**
   * A stream of messages. The first one has no event, and the id from which a reader goes on that got nothing else.
   *
   * @throws {PortdError} `too_many_readers`; `shutting_down`.
   */
  open(options: ReaderOptions = {}): ReadableStream<Uint8Array> {
    const { lastId, replay = false, follow = true, user = null, connection } = options;
    const { events, signal } = this.#parts;
    if (signal.aborted) throw new PortdError("shutting_down", "Cannot send events: portd stops", { retryAfter: 1 });
    this.#requirePlace(user);
    const begin = replay ? events.first - 1 : events.last;
    const place = lastId === undefined ? begin : events.numberOf(lastId) ?? LOST;
    const end = follow ? Infinity : events.last;
    let reader: Reader;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        reader = { controller, connection, user, place, end, givenAt: undefined };
        this.#add(reader);
        this.#give(reader, helloMessage(place === LOST ? undefined : events.idOf(place)));
      },
      pull: () => {
        reader.givenAt = undefined;
        this.#feed(reader);
      },
      cancel: () => this.#remove(reader),
    }, { highWaterMark: 0 });
  }

  /** @throws {PortdError} `too_many_readers`. */
  #requirePlace(user: string | null): void {
    const all = [...this.#readers, ...this.#leaving];
    const ofUser = user === null ? 0 : all.filter((reader) => reader.user === user).length;
    if (all.length < MOST_READERS && ofUser < MOST_OF_A_USER) return;
    const others = all.length < MOST_READERS ? `${MOST_OF_A_USER} others of this user` : `${MOST_READERS} others`;
    const message = `Cannot send events: ${others} read them already`;
    throw new PortdError("too_many_readers", message, { retryAfter: 5 });
  }

  #add(reader: Reader): void {
    this.#readers.add(reader);
    this.#parts.counts.open = this.#readers.size;
    if (this.#stop !== undefined) return;
    const { events, clock } = this.#parts;
    const unsubscribe = events.subscribe(() => this.#wakeSoon());
    let cancel = () => {};
    const comment = () => {
      cancel = clock.after(KEEP_ALIVE_MS, comment);
      for (const waiting of this.#waiting) this.#give(waiting, STILL_HERE);
      this.#waiting.clear();
      for (const reader of this.#readers) {
        if (reader.givenAt !== undefined && clock.monotonic() - reader.givenAt >= STUCK_MS) this.#drop(reader);
      }
    };
    cancel = clock.after(KEEP_ALIVE_MS, comment);
    this.#stop = () => {
      unsubscribe();
      cancel();
    };
  }

  /** Ends the stream of a reader that takes nothing; it can go on behind the last event that it will find in its buffers. */
  #drop(reader: Reader): void {
    const { controller, connection } = reader;
    this.#parts.counts.dropped++;
    this.#remove(reader);
    controller.close();
    if (connection === undefined) return;
    this.#leaving.add(reader);
    void connection.ended.then(() => this.#leaving.delete(reader));
    connection.cut();
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    this.#parts.counts.open = this.#readers.size;
    this.#waiting.delete(reader);
    if (this.#readers.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#piece = undefined;
  }

  #end(): void {
    for (const reader of this.#readers) {
      this.#remove(reader);
      reader.controller.close();
    }
  }

  /** One turn for whatever happens in it, and in the moments behind it. */
  #wakeSoon(): void {
    if (this.#waiting.size === 0 || this.#cancelWake !== undefined) return;
    const { clock } = this.#parts;
    const restMs = Math.max(WAKE_MS, MS_A_READER * this.#readers.size);
    const pauseMs = Math.max(0, this.#wokenAt + restMs - clock.monotonic());
    this.#cancelWake = clock.after(pauseMs, () => {
      this.#cancelWake = undefined;
      this.#wokenAt = clock.monotonic();
      const woken = [...this.#waiting];
      this.#waiting.clear();
      for (const reader of woken) this.#feed(reader);
    });
  }

  #feed(reader: Reader): void {
    if (reader.place >= reader.end) {
      this.#remove(reader);
      reader.controller.close();
      return;
    }
    const bytes = this.#nextFor(reader);
    if (bytes === undefined) this.#waiting.add(reader);
    else this.#give(reader, bytes);
  }

  #give(reader: Reader, bytes: Uint8Array): void {
    reader.givenAt = this.#parts.clock.monotonic();
    reader.controller.enqueue(bytes);
  }

  /** What a reader gets next; `undefined` when it is up to date. */
  #nextFor(reader: Reader): Uint8Array | undefined {
    const { events, counts } = this.#parts;
    if (reader.place === events.last) return undefined;
    const piece = events.hasAllAfter(reader.place) ? this.#pieceAfter(reader.place) : undefined;
    if (piece === undefined) counts.reset++;
    reader.place = piece?.last ?? events.last;
    return piece?.bytes ?? resetMessage(events.idOf(events.last));
  }

  /** The events after this number, as many as go into a piece. @returns `undefined` when the first is kept no longer. */
  #pieceAfter(after: number): Piece | undefined {
    const { events, encode } = this.#parts;
    const known = this.#piece;
    if (known?.after === after && (known.isFull || known.last === events.last)) return known;
    const messages: Uint8Array[] = [];
    let length = 0, last = after;
    while (length < PIECE_BYTES) {
      const message = events.encoded(last + 1, encode);
      if (message === undefined) break;
      messages.push(message);
      length += message.length;
      last++;
    }
    if (messages.length === 0) return undefined;
    const bytes = messages.length === 1 ? messages[0]! : Buffer.concat(messages, length);
    this.#piece = { after, last, bytes, isFull: length >= PIECE_BYTES };
    return this.#piece;
  }
}

/** The first message: after how long to come back, and with which id. Browsers keep an id that comes without an event. */
function helloMessage(id: string | undefined): Uint8Array {
  return encoder.encode(id === undefined ? "retry: 1000\n\n" : `retry: 1000\nid: ${id}\n\n`);
}

/** The reader has lost its place; it goes on from this one. */
function resetMessage(id: string): Uint8Array {
  return encoder.encode(`id: ${id}\nevent: reset\ndata: {"type":"reset"}\n\n`);
}
