/** Opens so many sockets on 127.0.0.1, says `ready`, and keeps them until it is ended. A program of its own. */

/** A listener with a connection to itself, both ends of which are ours, and a UDP socket: four sockets. */
async function openFour(): Promise<readonly unknown[]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const udp = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  return [listener, udp, client, server];
}

if (import.meta.main) {
  const kept: unknown[] = [];
  for (let count = Number(Deno.args[0]); count > 0; count -= 4) kept.push(...await openFour());
  console.log("ready");
  await new Promise(() => setInterval(() => kept.length, 60_000)); // a reference, so that none is collected
}
