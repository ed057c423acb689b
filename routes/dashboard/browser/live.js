/**
 * Follows the events of the daemon (server-sent events; HTML standard, section 9.2) by fetch, as EventSource cannot send
 * the token. It goes on after the last event when the connection breaks.
 */
import { Refusal } from "./api.js";

/** @typedef {"connecting" | "live" | "lost" | "full" | "locked"} Connection */

/** The daemon sends a comment every 15 seconds at least. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 8000;
/** Characters of one message; portd's have thousands at most. */
const LONGEST_MESSAGE = 1 << 20;

/**
 * Ends when the signal is aborted, or when the token is needed.
 *
 * @param {object} options
 * @param {import("./api.js").Api} options.api
 * @param {string | null} options.lastId goes on behind this event.
 * @param {(event: any, id: string) => void} options.onEvent takes the parsed data; of type `reset` where events are lost.
 * @param {(state: Connection) => void} options.onState
 * @param {AbortSignal} options.signal
 */
export async function follow({ api, lastId, onEvent, onState, signal }) {
  for (let failures = 0; !signal.aborted; failures++) {
    const silence = new Silence();
    try {
      if (failures === 0) onState("connecting");
      else await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)), signal);
      const body = await api.events(lastId, AbortSignal.any([signal, silence.signal]));
      for await (const message of messagesOf(body, silence)) {
        if (message === null) {
          failures = 0;
          onState("live");
          continue;
        }
        lastId = message.id;
        onEvent(JSON.parse(message.data), message.id);
      }
      onState("lost");
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.wantsToken) return onState("locked");
      onState(error instanceof Refusal && error.code === "too_many_readers" ? "full" : "lost");
    } finally {
      silence.end();
    }
  }
}

/** Ends a connection on which nothing comes any more. */
class Silence {
  #controller = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    this.heard();
  }

  get signal() {
    return this.#controller.signal;
  }

  heard() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), SILENCE_MS);
  }

  end() {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

/**
 * The messages of a stream; null for its first piece, which proves that it is open.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {Silence} silence
 */
async function* messagesOf(body, silence) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", isFirst = true;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    silence.heard();
    if (isFirst) yield null;
    isFirst = false;
    const messages = (rest + piece.value).split("\n\n");
    rest = messages.pop() ?? "";
    if (rest.length > LONGEST_MESSAGE) throw new Error("Cannot read the events: one of them is too long");
    for (const text of messages) {
      const message = readMessage(text);
      if (message !== undefined) yield message;
    }
  }
}

/**
 * One message, as portd writes it; undefined for a comment.
 *
 * @param {string} text
 */
export function readMessage(text) {
  let id = "", data = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  return data === "" ? undefined : { id, data };
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
