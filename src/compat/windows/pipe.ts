/** A named pipe of Windows as byte streams, through Deno's node:net, which knows them. */
import type { Server, Socket } from "node:net";
import { type ByteStream, inUse, type Streams } from "../stream.ts";

/** How many clients wait at once to be served; more are closed. */
const MOST_WAITING = 512;

/** Listens on `\\.\pipe\NAME`. @throws {PortdError} `port_in_use`. */
export async function listenOnPipe(path: string): Promise<Streams> {
  const { createServer } = await import("node:net");
  const waiting: ByteStream[] = [];
  let next: PromiseWithResolvers<ByteStream> | undefined;
  let isClosed = false;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const stream = new PipeStream(socket);
    if (next !== undefined) {
      next.resolve(stream);
      next = undefined;
    } else if (waiting.length < MOST_WAITING) waiting.push(stream);
    else stream.close();
  });
  await listening(server, path);
  return {
    isPrivate: false,
    accept() {
      const first = waiting.shift();
      if (first !== undefined) return Promise.resolve(first);
      if (isClosed) return Promise.reject(new Deno.errors.BadResource("The pipe is closed"));
      next ??= Promise.withResolvers();
      return next.promise;
    },
    close() {
      isClosed = true;
      server.close();
      for (const stream of waiting.splice(0)) stream.close();
      next?.reject(new Deno.errors.BadResource("The pipe is closed"));
      next = undefined;
    },
  };
}

async function listening(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (error: Error & { readonly code?: string }) => {
      reject(error.code === "EADDRINUSE" || error.code === "EACCES" ? inUse(path, error) : error);
    });
    server.listen(path);
  });
}

class PipeStream implements ByteStream {
  readonly #socket: Socket;
  readonly #first: Promise<Uint8Array>;
  isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#first = new Promise((resolve) => {
      socket.once("data", (bytes: Uint8Array) => {
        socket.pause();
        resolve(bytes);
      });
      for (const end of ["end", "close", "error"]) socket.once(end, () => resolve(new Uint8Array()));
    });
  }

  /** The first piece; a client sends no other. */
  async read(mostBytes: number): Promise<Uint8Array> {
    return (await this.#first).subarray(0, mostBytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.end(bytes, () => resolve());
      this.#socket.once("error", reject);
    });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#socket.destroySoon();
  }
}
