/**
 * Ending a process, and no other than the one that was meant. This file is just the types; open.ts chooses for the OS,
 * linux.ts, windows.ts and generic.ts (macOS) do the work.
 *
 * The command line ends processes with the rights of the user who called it. The daemon does so only for who has its
 * token, and so the rights of its user: otherwise every local user could use the rights of a daemon that runs as root.
 */
import type { Endpoint } from "../port/port.ts";
import type { ProcessDescription } from "../process/process.ts";

/** How a process is ended: `TERM` asks it to end, `KILL` leaves it no choice. */
export type EndSignal = "TERM" | "KILL";

/** One process, pinned: when it is gone and its pid another's, the handle is still no handle of the other. */
export interface ProcessHandle {
  readonly pid: number;
  /** What the process is, by our own look; `undefined` when it has ended. What this user may not see is null. */
  describe(): ProcessDescription | undefined;
  /**
   * Asks the process to end, or ends it at once where the OS knows no asking (Windows). Does nothing when it has ended.
   *
   * @returns what it amounts to.
   * @throws {Deno.errors.PermissionDenied} when it may not.
   */
  terminate(): EndSignal;
  /** Ends the process whether it wants or not; it is gone a moment later. @throws as {@linkcode terminate}. */
  kill(): void;
  /** Whether the process has ended. One that its parent has not yet taken note of (a zombie) has. */
  hasEnded(): boolean;
  /**
   * Whether the process has a socket open that listens (UDP: takes datagrams) there, by our own look.
   *
   * @returns `undefined` where the OS does not say, or not to this user.
   * @throws {TypeError} for what is no protocol or no port.
   */
  listensOn(endpoint: Endpoint): Promise<boolean | undefined>;
  /** Gives back what the handle keeps open. */
  close(): void;
}
