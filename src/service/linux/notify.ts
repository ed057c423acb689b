/** What a service reports to systemd: datagrams to the socket that NOTIFY_SOCKET names, sd_notify(3). */
import { errno, type Libc, openLibc } from "../../os/linux/libc.ts";

const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
/** Of `sun_path` in `struct sockaddr_un`, unix(7). */
const LONGEST_PATH = 108;

/** The connection to systemd; to be disposed of. */
export class NotifySocket implements Disposable {
  readonly #libc: Libc;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #descriptor: number;

  /**
   * @param name an absolute path, or `@` and the name of an abstract socket.
   * @throws {Error} when no socket can have this name.
   */
  constructor(name: string, libc: Libc = openLibc()) {
    this.#libc = libc;
    this.#address = socketAddress(name);
    this.#descriptor = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (this.#descriptor < 0) throw new Error(`Cannot make a socket to systemd: errno ${errno(libc)}`);
  }

  /**
   * Sends lines like `READY=1`. Waits for nothing: a systemd that does not read must not stop the daemon.
   *
   * @returns whether systemd's socket took them.
   */
  send(...lines: readonly string[]): boolean {
    const message = new TextEncoder().encode(lines.map((line) => line.replaceAll("\n", " ")).join("\n"));
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const address = this.#address;
    const size = BigInt(message.length);
    return this.#libc.sendto(this.#descriptor, message, size, flags, address, address.length) >= 0n;
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#descriptor);
  }
}

/** `struct sockaddr_un`. An abstract name begins with a zero instead of `@` and ends where the address does. */
function socketAddress(name: string): Uint8Array<ArrayBuffer> {
  const isAbstract = name.startsWith("@");
  const path = new TextEncoder().encode(isAbstract ? `\0${name.slice(1)}` : `${name}\0`);
  if (!/^[@/]./.test(name) || path.length > LONGEST_PATH) {
    throw new Error(`Cannot report to systemd: NOTIFY_SOCKET is ${JSON.stringify(name)}`);
  }
  const address = new Uint8Array(2 + path.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(path, 2);
  return address;
}
