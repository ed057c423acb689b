/**
 * Holds: the claim in the kernel that the daemon keeps while a lease is live, and the probe that comes before it. This
 * file is just the types; open.ts chooses, linux/ and generic.ts do the work.
 */
import type { Protocol } from "../port/port.ts";

/** `soft`: a bound socket that never listens keeps the kernel from giving the port away. `none`: nothing does. */
export const HOLD_KINDS = ["soft", "none"] as const;

/** How a port is kept. */
export type HoldKind = (typeof HOLD_KINDS)[number];

/** Why the kernel does not give a port. */
export type Obstacle =
  | { readonly reason: "in_use" | "no_permission"; readonly protocol: Protocol }
  | { readonly reason: "no_descriptors" };

/** The result of a claim: the port with the kind of hold that is kept, or the obstacle. */
export type Claim =
  | { readonly port: number; readonly hold: HoldKind; readonly obstacle?: undefined }
  | { readonly obstacle: Obstacle };

/** Options of a claim. */
export interface ClaimOptions {
  readonly protocols: readonly Protocol[];
  /** The hold that is asked for; the {@linkcode Claim} says which one is kept. */
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
   * Takes the hold of a live lease again, after a restart or when its listener has left.
   *
   * @returns whether the hold is kept; false while somebody listens.
   */
  retake(port: number): boolean;
  /** Whether a hold is kept on the port. */
  has(port: number): boolean;
  /** Gives the port back to the kernel; without a hold it does nothing. */
  release(port: number): void;
  /** Gives all of them back. */
  releaseAll(): void;
}
