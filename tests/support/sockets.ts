/** Real sockets for tests, on ports read back from bind(0). */

/** A TCP listener as servers open it (Deno sets SO_REUSEADDR). */
export function listen(
  port = 0,
  hostname = "127.0.0.1",
): { readonly port: number; readonly listener: Deno.Listener } & Disposable {
  const listener = Deno.listen({ hostname, port });
  return {
    port: (listener.addr as Deno.NetAddr).port,
    listener,
    [Symbol.dispose]() {
      listener.close();
    },
  };
}

/** From here on Linux gives no port to a socket that asks for any: another test that runs now gets none of these. */
const FIRST_FREE = 61_000;
const PORTS = 4500;
let next = Math.floor(Math.random() * PORTS);

/** A port that nobody uses at this moment, and that nobody gets by chance. */
export function freePort(): number {
  for (let tries = 0; tries < PORTS; tries++) {
    const port = FIRST_FREE + next++ % PORTS;
    try {
      using server = listen(port, "0.0.0.0");
      return server.port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`No port from ${FIRST_FREE} on is free`);
}
