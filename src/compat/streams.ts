/** Byte streams of local clients: Unix sockets with a path, those of Linux without one, and Windows' named pipes. */
import { type ByteStream, inUse, type Streams } from "./stream.ts";

/**
 * Listens. On Windows `@name` is the pipe `\\.\pipe\name`, as python_portpicker has it.
 *
 * @throws {PortdError} `port_in_use` where another program listens there.
 */
export async function openStreams(address: string): Promise<Streams> {
  if (Deno.build.os === "windows") {
    const { listenOnPipe } = await import("./windows/pipe.ts");
    return await listenOnPipe(address.startsWith("@") ? `\\\\.\\pipe\\${address.slice(1)}` : address);
  }
  return address.startsWith("@") ? listenAbstract(address) : await listenOnPath(address);
}

function listenAbstract(address: string): Streams {
  const listener = listenUnix(`\0${address.slice(1)}`, address);
  return unixStreams(listener, { isPrivate: false, remove: () => {} });
}

async function listenOnPath(path: string): Promise<Streams> {
  await removeStale(path);
  const listener = listenUnix(path, path);
  // The daemon of a whole machine serves all of its users, any other one its own.
  const isPrivate = Deno.uid() !== 0;
  try {
    Deno.chmodSync(path, isPrivate ? 0o600 : 0o666);
  } catch (error) {
    listener.close();
    throw error;
  }
  return unixStreams(listener, { isPrivate, remove: () => removeIfThere(path) });
}

function listenUnix(path: string, shown: string): Deno.Listener<Deno.UnixConn> {
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw error instanceof Deno.errors.AddrInUse ? inUse(shown, error) : error;
  }
}

/** Removes a socket that a daemon has left which could not clean up. @throws where somebody listens, or it is no socket. */
async function removeStale(path: string): Promise<void> {
  let found;
  try {
    found = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!found.isSocket) throw inUse(path, undefined, "there is a file of that name that is no socket");
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    removeIfThere(path);
    return;
  }
  throw inUse(path);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function unixStreams(
  listener: Deno.Listener<Deno.UnixConn>,
  { isPrivate, remove }: { readonly isPrivate: boolean; readonly remove: () => void },
): Streams {
  return {
    isPrivate,
    accept: async () => new UnixStream(await listener.accept()),
    close() {
      listener.close();
      remove();
    },
  };
}

class UnixStream implements ByteStream {
  readonly #connection: Deno.UnixConn;
  isClosed = false;

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  async read(mostBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(mostBytes);
    return bytes.subarray(0, await this.#connection.read(bytes) ?? 0);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#connection.write(bytes.subarray(done));
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#connection.close();
  }
}
