/** Asking an address, without a token, whether portd is behind it. */
import { socketTransport } from "./socket_transport.ts";
import { NoDaemonError, UnusableAnswerError } from "./transport.ts";

/** What a portd says about itself to everybody. */
export interface PortdAnswer {
  readonly url: string;
  readonly isReady: boolean;
  /** Null where portd answers this only with a token. */
  readonly version: string | null;
  readonly pid: number | null;
}

const TIMEOUT_MS = 2000;
const MOST_BYTES = 1 << 20;
const LONGEST_VERSION = 100;

/**
 * Asks who serves at an `http://` address. Portd says its name, or answers with a problem of its own type.
 *
 * @returns `undefined` when nobody answers within two seconds a request, or something else than portd does.
 */
export async function askPortd(url: string): Promise<PortdAnswer | undefined> {
  const ask = (path: string) =>
    socketTransport()({ method: "GET", url: `${url}${path}`, headers: {}, timeoutMs: TIMEOUT_MS });
  try {
    const ready = await ask("/readyz");
    await ready.text(MOST_BYTES);
    const status = await ask("/v1/status");
    const body = JSON.parse(await status.text(MOST_BYTES)) ?? {}; // null is JSON too
    const isPortd = body.name === "portd" || String(body.type).startsWith("urn:portd:");
    if (!isPortd) return undefined;
    const version = typeof body.version === "string" ? body.version.slice(0, LONGEST_VERSION) : null;
    return { url, isReady: ready.status === 200, version, pid: Number.isInteger(body.pid) ? body.pid : null };
  } catch (error) {
    const isNoAnswer = error instanceof NoDaemonError || error instanceof UnusableAnswerError ||
      error instanceof SyntaxError || error instanceof DOMException;
    if (isNoAnswer) return undefined;
    throw error;
  }
}
