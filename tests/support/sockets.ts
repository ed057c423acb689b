/** Real sockets for tests, on ports read back from bind(0), and rows of tables of them. */
import { tmpdir } from "node:os";
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
const SLICE = 75, SLICES = 60;
/** Each thread of tests has ports of its own: a port that two threads try at once is in use for one of them. */
const first = FIRST_FREE + takeSlice() * SLICE;
let next = 0;

/** A port that nobody uses at this moment, and that nobody gets by chance. */
export function freePort(): number {
  for (let tries = 0; tries < SLICE; tries++) {
    const port = first + next++ % SLICE;
    try {
      using server = listen(port, "0.0.0.0");
      return server.port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`No port from ${first} to ${first + SLICE - 1} is free`);
}

/** @returns the number of a slice that no other thread or process has. The lock is given up when the thread ends. */
function takeSlice(): number {
  const start = Math.floor(Math.random() * SLICES);
  for (let tries = 0; tries < SLICES; tries++) {
    const slice = (start + tries) % SLICES;
    try {
      const file = Deno.openSync(`${tmpdir()}/portd-test-ports-${slice}`, { write: true, create: true });
      if (file.tryLockSync(true)) return slice;
      file.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error; // it is of another user's tests
    }
  }
  throw new Error(`Other tests have all ${SLICES} slices of the ports from ${FIRST_FREE} on`);
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
