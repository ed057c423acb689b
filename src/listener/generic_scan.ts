/** The scanner where portd cannot list sockets: it probes the port, which says whether it is in use and not by whom. */
import { PortdError } from "../errors.ts";
import type { Holds } from "../hold/hold.ts";
import type { SocketRow } from "../os/socket.ts";
import type { Endpoint } from "../port/port.ts";
import type { Scanner } from "./listener.ts";

/** Sees whether a port is in use, not by whom. */
export class GenericScanner implements Scanner {
  readonly #holds: Holds;

  constructor(holds: Holds) {
    this.#holds = holds;
  }

  listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]> {
    return Promise.resolve([...endpoints].flatMap((endpoint) => this.#probe(endpoint)));
  }

  /** @throws {PortdError} `not_supported`: ports can be probed here, sockets not listed. */
  sockets(_options: { readonly connections: boolean }): Promise<readonly SocketRow[]> {
    const message = "Cannot list sockets: portd does so on Linux, Windows and macOS";
    return Promise.reject(new PortdError("not_supported", message));
  }

  socketsOn(endpoint: Endpoint): Promise<readonly SocketRow[]> {
    return Promise.resolve(this.#probe(endpoint));
  }

  boundOn(): Promise<readonly SocketRow[]> {
    return Promise.resolve([]);
  }

  /** The same rows: where the system names processes at all, the rows have them already. */
  identify(rows: readonly SocketRow[]): Promise<readonly SocketRow[]> {
    return Promise.resolve(rows);
  }

  close(): void {}

  #probe({ protocol, port }: Endpoint): SocketRow[] {
    const claim = this.#holds.claim(port, { protocols: [protocol], hold: "none", named: true }); // TIME_WAIT is nobody
    if (claim.obstacle?.reason !== "in_use") return [];
    return [{
      protocol,
      family: 4,
      localAddress: "0.0.0.0",
      localPort: port,
      remoteAddress: "0.0.0.0",
      remotePort: 0,
      state: protocol === "tcp" ? "LISTEN" : "",
      uid: null,
      inode: 0,
      pid: null,
    }];
  }
}
