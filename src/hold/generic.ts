/**
 * Probes for systems without soft holds and without Windows' exclusive sockets (macOS): bind and close, on every address
 * of the machine, IPv4 and IPv6, as a wildcard bind can succeed there beside a specific one.
 */
import type { Protocol } from "../port/port.ts";
import { type LocalAddress, localAddresses } from "./addresses.ts";
import type { Obstacle } from "./hold.ts";
import { ProbedHolds } from "./probed_holds.ts";

/** What is bound for a moment. */
export interface Attempt extends LocalAddress {
  readonly port: number;
  readonly protocol: Protocol;
  /** With SO_REUSEADDR, so that TCP sockets in TIME_WAIT are no obstacle. */
  readonly reuse: boolean;
}

/** What became of an attempt: the port that was bound; or why not, `absent` where the machine lacks the address. */
export type AttemptResult = number | "in_use" | "no_permission" | "no_descriptors" | "absent";

/** Binds a port for a moment. */
export type Attempts = (attempt: Attempt) => AttemptResult;

/** Probes by attempts to bind. */
export class GenericHolds extends ProbedHolds {
  readonly #attempt: Attempts;

  /** @param attempt is the system's way. @default Deno's, which listens for a moment */
  constructor(attempt: Attempts = bindByDeno) {
    super();
    this.#attempt = attempt;
  }

  protected override obstacleOn(port: number, protocol: Protocol, named: boolean): Obstacle | undefined {
    for (const address of localAddresses()) {
      const obstacle = obstacleOf(this.#attempt({ ...address, port, protocol, reuse: named }), protocol);
      if (obstacle !== undefined) return obstacle;
    }
  }

  protected override portOfSystem(protocol: Protocol): number | Obstacle {
    const port = this.#attempt({ address: "0.0.0.0", scope: 0, port: 0, protocol, reuse: false });
    return typeof port === "number" ? port : obstacleOf(port, protocol) ?? { reason: "in_use", protocol };
  }
}

function obstacleOf(result: AttemptResult, protocol: Protocol): Obstacle | undefined {
  if (typeof result === "number" || result === "absent") return undefined;
  return result === "no_descriptors" ? { reason: result } : { reason: result, protocol };
}

/** Deno cannot bind a TCP port without listening, and on Unix it sets SO_REUSEADDR itself. */
function bindByDeno({ address, scope, port, protocol }: Attempt): AttemptResult {
  if (scope !== 0) return "absent"; // Deno takes no scope, without which a link-local address means nothing
  try {
    const socket = protocol === "tcp"
      ? Deno.listen({ hostname: address, port })
      : Deno.listenDatagram({ hostname: address, port, transport: "udp", reuseAddress: false });
    const bound = (socket.addr as Deno.NetAddr).port;
    socket.close();
    return bound;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return "in_use";
    if (error instanceof Deno.errors.PermissionDenied) return "no_permission";
    if (isFamilyMissing(error)) return "absent";
    throw error;
  }
}

/** A machine without IPv6 answers EADDRNOTAVAIL or EAFNOSUPPORT; the latter has no class of its own. */
function isFamilyMissing(error: unknown): boolean {
  return error instanceof Deno.errors.AddrNotAvailable ||
    (error instanceof Error && /address family|os error (97|47|10047)/i.test(error.message));
}
