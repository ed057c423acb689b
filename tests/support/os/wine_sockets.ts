/**
 * A program that Deno for Windows runs: opens a listener, a connection to it and a UDP socket on each loopback address,
 * prints them in one line of JSON, and ends with its stdin.
 */

/** The line that it writes. */
export interface OpenedSockets {
  /** Its pid as Windows counts. */
  readonly pid: number;
  readonly sockets: readonly {
    readonly address: string;
    /** Of the listener and of the server's end of the connection. */
    readonly port: number;
    readonly clientPort: number;
    readonly udpPort: number;
  }[];
}

/** Opens those of one address; disposing of them closes them. */
export async function openSockets(address: string) {
  const listener = Deno.listen({ hostname: address, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const client = await Deno.connect({ hostname: address, port });
  const server = await listener.accept();
  const datagrams = Deno.listenDatagram({ hostname: address, port: 0, transport: "udp" });
  const clientPort = (client.localAddr as Deno.NetAddr).port, udpPort = (datagrams.addr as Deno.NetAddr).port;
  const all = [listener, client, server, datagrams];
  return { address, port, clientPort, udpPort, [Symbol.dispose]: () => all.forEach((socket) => socket.close()) };
}

if (import.meta.main) {
  using ipv4 = await openSockets("127.0.0.1");
  using ipv6 = await openSockets("::1");
  const line: OpenedSockets = { pid: Deno.pid, sockets: [ipv4, ipv6] };
  console.log(JSON.stringify(line));
  await Deno.stdin.readable.pipeTo(new WritableStream());
}
