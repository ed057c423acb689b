/** Receiving datagrams, whatever happened to those that were sent before. */

/** What Windows reports at a receive of a datagram that was sent before: nobody had the port. It ends nothing. */
const REPORTS = [Deno.errors.ConnectionReset, Deno.errors.ConnectionRefused];
/** The socket was closed. */
const ENDS = [Deno.errors.BadResource, Deno.errors.Interrupted];

/** The datagrams that come to a socket, each with its sender, until the socket is closed. */
export async function* datagramsOf(
  socket: Pick<Deno.DatagramConn, "receive">,
): AsyncGenerator<readonly [bytes: Uint8Array<ArrayBuffer>, sender: Deno.NetAddr], void> {
  for (;;) {
    const received = await receive(socket);
    if (received === "closed") return;
    if (received !== "reported") yield received;
  }
}

async function receive(socket: Pick<Deno.DatagramConn, "receive">) {
  try {
    return await socket.receive() as [Uint8Array<ArrayBuffer>, Deno.NetAddr];
  } catch (error) {
    if (REPORTS.some((type) => error instanceof type)) return "reported";
    if (ENDS.some((type) => error instanceof type)) return "closed";
    throw error;
  }
}
