/** Real sockets for tests, on ports read back from bind(0), and rows of tables of them. */
import type { Connection, SocketRow } from "../../src/os/socket.ts";

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
const SLICE = 74, SLICES = 60;
/** Each thread of tests has ports of its own: a port that two threads try at once is in use for one of them. */
const first = takeSlice();
let next = 0;

/** A port that nobody uses at this moment, and that nobody gets by chance. */
export function freePort(): number {
  for (let tries = 0; tries < SLICE; tries++) {
    const port = first + next++ % SLICE;
    if (isFree(port)) return port;
  }
  throw new Error(`No port from ${first} to ${first + SLICE - 1} is free`);
}

function isFree(port: number): boolean {
  try {
    using _server = listen(port, "0.0.0.0");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** @returns the first port of a slice that is this thread's. The port before it is in use until the thread ends. */
function takeSlice(): number {
  const start = Math.floor(Math.random() * SLICES);
  for (let tries = 0; tries < SLICES; tries++) {
    const mark = FIRST_FREE + (start + tries) % SLICES * (SLICE + 1);
    try {
      listen(mark);
      return mark + 1;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`Other tests have all slices of the ports from ${FIRST_FREE} on`);
}

/** A row of a table of sockets: a TCP listener on 127.0.0.1:20417 that nobody is known to have, and `part` of it else. */
export function socketRow(part: Partial<SocketRow> = {}): SocketRow {
  return {
    protocol: "tcp",
    family: 4,
    localAddress: "127.0.0.1",
    localPort: 20417,
    remoteAddress: "0.0.0.0",
    remotePort: 0,
    state: "LISTEN",
    uid: 1000,
    inode: 4242,
    pid: null,
    ...part,
  };
}

/** A connection to the daemon, as the daemon sees it. @param port is that of the caller. */
export function connectionFrom(port: number, address = "127.0.0.1"): Connection {
  return { remote: { address, port }, local: { address, port: 7678 } };
}
