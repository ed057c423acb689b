/** Byte streams of local clients: the types. streams.ts opens them. */
import { PortdError } from "../errors.ts";

/** A client's connection. */
export interface ByteStream {
  readonly isClosed: boolean;
  /** The next piece; empty at the end. @param mostBytes bounds it. */
  read(mostBytes: number): Promise<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  /** Again, it does nothing. */
  close(): void;
}

/** A socket that listens. */
export interface Streams {
  /** Whether none but the daemon's own user can connect. */
  readonly isPrivate: boolean;
  /** The next client. @throws when there is no descriptor for it, and after {@linkcode close}. */
  accept(): Promise<ByteStream>;
  close(): void;
}

/** The error of an address that cannot be had. */
export function inUse(address: string, cause?: unknown, reason = "another program listens there"): PortdError {
  return new PortdError("port_in_use", `Cannot listen on ${address}: ${reason}`, { value: address }, { cause });
}
