/**
 * `bind.matrix`: a socket of ours on each address, with each option, must make the probe say that its port is in use;
 * the port is free when the socket is closed, and the socket is no obstacle for another port. The sockets never listen,
 * so that no firewall asks the user anything.
 */
import type { Holds } from "../hold/hold.ts";
import type { Protocol } from "../port/port.ts";
import { PROTOCOLS } from "../port/port.ts";
import { fail, type Item, ok, type Outcome } from "./self_test.ts";

/** How a socket shares its port: as the system has it without a setting, or with an option. */
export type Sharing = "default" | "reuse" | "exclusive";

/** What a socket is bound to. */
export interface Place {
  /** What it stands for: the report names no address of the machine. */
  readonly label: string;
  readonly address: string;
  /** Whether an IPv6 socket takes IPv4 too. @default false */
  readonly dualStack?: boolean;
  /** The interface of a link-local address. */
  readonly scope?: number;
}

/** Sockets of this system. */
export interface MatrixSockets {
  readonly sharings: readonly Sharing[];
  /** Binds a socket. @returns the error number of the system where it refuses. */
  bind(
    place: Place,
    port: number,
    options: { readonly protocol: Protocol; readonly sharing: Sharing },
  ): Disposable | number;
}

const PLACES: readonly Place[] = [
  { label: "0.0.0.0", address: "0.0.0.0" },
  { label: "127.0.0.1", address: "127.0.0.1" },
  { label: "127.0.0.2", address: "127.0.0.2" },
  { label: "::", address: "::" },
  { label: "dual ::", address: "::", dualStack: true },
  { label: "::1", address: "::1" },
];

/** The item. */
export function matrixItem(holds: Holds, sockets: MatrixSockets): Item {
  return {
    id: "bind.matrix",
    does: "bind sockets that do not listen, and ask portd's probe about their ports",
    run: () => Promise.resolve(testMatrix(holds, sockets)),
  };
}

/** The fixed places, and one for each address of the machine's interfaces. */
export function placesOf(interfaces: readonly Deno.NetworkInterfaceInfo[]): readonly Place[] {
  const counts = new Map<string, number>();
  const number = (kind: string) => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return `${kind} ${counts.get(kind)}`;
  };
  const own = interfaces.filter(({ address }) => !address.startsWith("127.") && address !== "::1").map(
    ({ family, address, scopeid }): Place => {
      const [plain = ""] = address.split("%");
      if (family === "IPv4") return { label: number("LAN IPv4"), address: plain };
      if (!/^fe[89ab]/i.test(plain)) return { label: number("LAN IPv6"), address: plain };
      return { label: number("fe80::"), address: plain, ...(scopeid !== null && { scope: scopeid }) };
    },
  );
  return [...PLACES, ...own];
}

function testMatrix(holds: Holds, sockets: MatrixSockets): Outcome {
  const wrong: string[] = [], notBound: string[] = [];
  let rows = 0;
  for (const place of placesOf(Deno.networkInterfaces())) {
    for (const sharing of sockets.sharings) {
      for (const protocol of PROTOCOLS) {
        const row = `${protocol} ${place.label} ${sharing}`, port = freePort(holds, protocol);
        const bound = sockets.bind(place, port, { protocol, sharing });
        if (typeof bound === "number") {
          notBound.push(`${row}: error ${bound}`);
          continue;
        }
        rows++;
        {
          using _ = bound;
          if (isFree(holds, port, protocol)) wrong.push(`${row}: free while it is bound`);
          freePort(holds, protocol); // throws where nothing is free beside it
        }
        if (!isFree(holds, port, protocol)) wrong.push(`${row}: taken after it was closed`);
      }
    }
  }
  const value = { rows, wrong, notBound };
  if (rows === 0) return fail("no socket could be bound", value);
  return wrong.length === 0 ? ok(value) : fail(`${wrong.length} answers of the probe are wrong`, value);
}

/** A port that the probe calls free, chosen by the system. */
export function freePort(holds: Holds, protocol: Protocol): number {
  const claim = holds.claimAny({ protocols: [protocol], hold: "none" });
  if (claim.obstacle !== undefined) throw new Error(`the probe calls no ${protocol} port free`);
  holds.release(claim.port);
  return claim.port;
}

/** What the probe says of a port. */
export function isFree(holds: Holds, port: number, protocol: Protocol): boolean {
  const { obstacle } = holds.claim(port, { protocols: [protocol], hold: "none" });
  if (obstacle === undefined) holds.release(port);
  return obstacle === undefined;
}
