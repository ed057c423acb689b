/** What differs between the firewalls of Linux. This file is the types and how their programs are run. */
import { PortdError } from "../../errors.ts";
import { type Program, ProgramError, type ProgramOutcome, type RunOptions, runProgram } from "../../os/program.ts";
import type { Entries } from "./entries.ts";

/** How one firewall of Linux is read and changed. */
export interface Dialect<Command> {
  readonly name: "nftables" | "ufw" | "firewalld";
  /** What people call its program, for messages. */
  readonly tool: string;
  readonly program: Program;
  /**
   * Reads the firewall.
   *
   * @throws {PortdError} `firewall_unavailable`.
   */
  read(options: ReadOptions): Promise<Entries<Command>>;
  /** The calls of the program that carry commands out, in this order. */
  callsFor(commands: readonly Command[]): readonly ProgramCall[];
  /** What the program writes when it fails for a known reason, and that reason. */
  readonly reasons: readonly (readonly [said: RegExp, reason: string])[];
  /** Matches the line that says what failed; the group is the message. */
  readonly errorLine: RegExp;
}

/** What {@linkcode Dialect.read} is given. */
export interface ReadOptions {
  /** As in `BackendOptions`. */
  readonly owner: string;
  /** The networks that `LocalSubnet` stands for, in canonical form. */
  readonly local: readonly string[];
  /** Calls the program, and answers its stdout. @throws {PortdError} `firewall_unavailable` where it fails. */
  readonly call: (...args: readonly string[]) => Promise<string>;
}

/** One call of a dialect's program. */
export interface ProgramCall {
  readonly args: readonly string[];
  /** What it reads from its stdin. */
  readonly input?: string;
}

/** What is being done, for messages. */
export const READ = "read the firewall", CHANGE = "change the firewall";

/**
 * Runs a program of a firewall to its end, in English. The caller judges the outcome.
 *
 * @throws {PortdError} `firewall_unavailable` when it is not there, may not be run, or takes too long.
 */
export async function runTool(program: Program, args: readonly string[], options: RunOptions): Promise<ProgramOutcome> {
  try {
    return await runProgram(program, args, options);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    throw new PortdError("firewall_unavailable", error.message, {}, { cause: error });
  }
}

/** The error of a firewall that cannot be used. @param intent is {@linkcode READ} or {@linkcode CHANGE}. */
export function unavailable(intent: string, reason: string, cause?: unknown): PortdError {
  return new PortdError("firewall_unavailable", `Cannot ${intent}: ${reason}`, {}, { cause });
}
