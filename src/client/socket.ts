/** A connection to a daemon, and the parts of its address. */
import { reasonOf } from "../errors.ts";
import { NoDaemonError } from "./transport.ts";

/** The part of a `Deno.Conn` that an exchange needs. */
export interface Socket {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Opens a connection to an `http://` address. @throws {NoDaemonError} when nobody listens there. */
export async function openSocket(url: string): Promise<Socket> {
  const { hostname, port, origin } = splitUrl(url);
  try {
    return await Deno.connect({ hostname, port });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new NoDaemonError(`Cannot reach portd at ${origin}: ${reasonOf(error)}`, { cause: error });
  }
}

/** An `http://` address in its parts. */
export interface UrlParts {
  readonly origin: string;
  /** With the port, as the Host field has it. */
  readonly host: string;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
}

/** Splits an address whose parts are percent-encoded already. The first `URL` of a process would cost 0.2 ms. */
export function splitUrl(url: string): UrlParts {
  const [, host, literal, name, port, path] =
    /^http:\/\/((?:\[([^\]]+)\]|([^:/?#]+))(?::(\d+))?)([/?][!-~]*)?$/.exec(url) ?? [];
  if (host === undefined) throw new TypeError(`Cannot send to ${url}: it is not an http address`);
  return { origin: `http://${host}`, host, hostname: literal ?? name!, port: Number(port ?? 80), path: path ?? "/" };
}
