/**
 * Holds: the kernel-level claim that the daemon keeps while a lease is live, and the probe that goes before it. This
 * file is the types and the dispatcher; linux/ and generic.ts do the work.
 */
import type { Protocol } from "../port/port.ts";

/** Why the kernel does not give a port. */
export type Obstacle =
  | { readonly reason: "in_use"; readonly protocol: Protocol }
  | { readonly reason: "no_permission"; readonly protocol: Protocol }
  | { readonly reason: "no_descriptors" };

/** What came of a claim: the port with the kind of hold that stands, or the obstacle. */
export type Claim =
  | { readonly port: number; readonly hold: HoldKind; readonly obstacle?: undefined }
  | { readonly obstacle: Obstacle };

/** Options of a claim. */
export interface ClaimOptions {
  readonly protocols: readonly Protocol[];
  /** The hold that is wished for; what stands is in the {@linkcode Claim}. */
  readonly hold: HoldKind;
  /** The port was asked for by number: then sockets in TIME_WAIT alone are no obstacle. @default false */
  readonly named?: boolean;
}

/** The holds of one daemon. At most one hold a port; all calls are quick and blocking. */
export interface Holds {
  /** How many holds may be kept. */
  readonly limit: number;
  /** How many are kept. */
  readonly size: number;
  /** Asks the kernel for a port and keeps a hold on it. */
  claim(port: number, options: ClaimOptions): Claim;
  /** The same for a port that the kernel chooses (bind to port 0). */
  claimAny(options: ClaimOptions): Claim;
  /**
   * Takes the hold of a live lease again, after a restart or once its listener has left.
   *
   * @returns whether it stands; false while somebody listens.
   */
  retake(port: number): boolean;
  /** Whether a hold stands on the port. */
  has(port: number): boolean;
  /** Gives the port back to the kernel; without a hold it does nothing. */
  release(port: number): void;
  /** Gives all of them back. */
  releaseAll(): void;
}

/** How the kernel is kept from giving the port away: `soft` (a bound socket that never listens) or not at all. */
export type HoldKind = "soft" | "none";
