/** Asking an address who serves there, without a token. */
import { socketTransport } from "../../client/socket_transport.ts";
import { NoDaemonError, UnusableAnswerError } from "../../client/transport.ts";
import { PortdError } from "../../errors.ts";

/** What a portd says of itself to everybody. */
export interface DaemonAnswer {
  readonly url: string;
  readonly isReady: boolean;
  /** Null where it tells that only with a token. */
  readonly version: string | null;
  readonly pid: number | null;
}

const PATIENCE_MS = 2000;
const MOST_BYTES = 1 << 20;
const LONGEST_VERSION = 100;

/** @returns `undefined` when nobody answers, or nobody who speaks as portd does. */
export async function askDaemon(url: string): Promise<DaemonAnswer | undefined> {
  const ask = (path: string) =>
    socketTransport()({ method: "GET", url: `${url}${path}`, headers: {}, timeoutMs: PATIENCE_MS });
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
    const isAbsent = error instanceof NoDaemonError || error instanceof UnusableAnswerError ||
      error instanceof PortdError || error instanceof SyntaxError || error instanceof DOMException;
    if (isAbsent) return undefined;
    throw error;
  }
}
