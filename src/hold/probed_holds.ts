/** Holds of a system that cannot keep a port: a grant probes the port, and nothing is held afterwards. */
import type { Protocol } from "../port/port.ts";
import type { Claim, ClaimOptions, Holds, Obstacle } from "./hold.ts";

const TRIES_FOR_ANY = 64;

/** Keeps nothing: every lease has the hold `none`. What a probe is, each system says. */
export abstract class ProbedHolds implements Holds {
  readonly limit = 0;
  readonly size = 0;

  claim(port: number, { protocols, named = false }: ClaimOptions): Claim {
    for (const protocol of protocols) {
      const obstacle = this.obstacleOn(port, protocol, named);
      if (obstacle !== undefined) return { obstacle };
    }
    return { port, hold: "none" };
  }

  claimAny(options: ClaimOptions): Claim {
    const [protocol] = options.protocols as readonly [Protocol];
    let claim: Claim = { obstacle: { reason: "in_use", protocol } };
    for (let tries = 0; tries < TRIES_FOR_ANY && claim.obstacle !== undefined; tries++) {
      const port = this.portOfSystem(protocol);
      if (typeof port !== "number") return { obstacle: port };
      claim = this.claim(port, options);
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

  /** What is in the way of a server on a port. @param named is whether the port was asked for by number or name. */
  protected abstract obstacleOn(port: number, protocol: Protocol, named: boolean): Obstacle | undefined;

  /** A port that the system chooses, or why it gives none. */
  protected abstract portOfSystem(protocol: Protocol): number | Obstacle;
}
