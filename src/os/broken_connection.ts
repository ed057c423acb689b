/** Errors that say that a connection has ended: by the other side, or by our own `close`. */
const ENDS = [
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionAborted,
  Deno.errors.NotConnected,
  Deno.errors.BrokenPipe,
  Deno.errors.Interrupted,
  Deno.errors.BadResource,
  Deno.errors.TimedOut,
  Deno.errors.UnexpectedEof,
];

/** Whether an error of a socket is the end of its connection, and no fault of ours. */
export function isBrokenConnection(error: unknown): boolean {
  return ENDS.some((type) => error instanceof type);
}
