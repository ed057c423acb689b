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

/** A port that nobody uses at this moment. */
export function freePort(): number {
  using server = listen(0, "0.0.0.0");
  return server.port;
}
