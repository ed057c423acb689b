/**
 * Probes for systems without soft holds (Windows, macOS): bind and close, on wildcard and loopback, IPv4 and IPv6. A
 * wildcard bind can succeed there beside a specific one, so each address is tried.
 */
import type { Protocol } from "../port/port.ts";
import type { Claim, ClaimOptions, Holds, Obstacle } from "./hold.ts";

const ADDRESSES = ["0.0.0.0", "127.0.0.1", "::", "::1"];
const TRIES_FOR_ANY = 64;

/** Keeps nothing: every lease has the hold `none`. */
export class GenericHolds implements Holds {
  readonly limit = 0;
  readonly size = 0;

  claim(port: number, { protocols }: ClaimOptions): Claim {
    for (const protocol of protocols) {
      const obstacle = probe(port, protocol);
      if (obstacle !== undefined) return { obstacle };
    }
    return { port, hold: "none" };
  }

  claimAny(options: ClaimOptions): Claim {
    let claim: Claim = { obstacle: { reason: "in_use", protocol: "tcp" } };
    for (let tries = 0; tries < TRIES_FOR_ANY && claim.obstacle !== undefined; tries++) {
      claim = this.claim(portFromKernel(options.protocols[0]!), options);
    }
    return claim;
  }

  retake(): boolean {
    return false;
  }

  has(): boolean {
    return false;
  }

  release(): void {}

  releaseAll(): void {}
}

/** Tries the port on every address. @returns `undefined` when the kernel would give it. */
export function probe(port: number, protocol: Protocol): Obstacle | undefined {
  for (const hostname of ADDRESSES) {
    try {
      bind(hostname, port, protocol).close();
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return { reason: "in_use", protocol };
      if (error instanceof Deno.errors.PermissionDenied) return { reason: "no_permission", protocol };
      if (!isFamilyMissing(error)) throw error;
    }
  }
}

function bind(hostname: string, port: number, protocol: Protocol): Deno.Listener | Deno.DatagramConn {
  return protocol === "tcp"
    ? Deno.listen({ hostname, port })
    : Deno.listenDatagram({ hostname, port, transport: "udp", reuseAddress: false });
}

function portFromKernel(protocol: Protocol): number {
  const socket = bind("0.0.0.0", 0, protocol);
  try {
    return ((socket as Deno.Listener).addr as Deno.NetAddr).port;
  } finally {
    socket.close();
  }
}

/** A machine without IPv6 answers EADDRNOTAVAIL or EAFNOSUPPORT; the latter has no class of its own. */
function isFamilyMissing(error: unknown): boolean {
  return error instanceof Deno.errors.AddrNotAvailable ||
    (error instanceof Error && /address family|os error (97|47|10047)/i.test(error.message));
}
