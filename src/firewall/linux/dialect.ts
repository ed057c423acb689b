/** What differs between the firewalls of Linux. This file is the types and how their programs are run. */
import { type Program, ProgramError, type ProgramOutcome, type RunOptions, runProgram } from "../../os/program.ts";
import { PortdError } from "../../errors.ts";
import type { FirewallBackendName } from "../backend.ts";
import type { Entries, EntryOptions } from "./entries.ts";

/** How one firewall of Linux is read and changed. */
export interface Dialect<Command> {
  readonly name: FirewallBackendName;
  /** What people call its program, for messages. */
  readonly tool: string;
  readonly program: Program;
  /**
   * Whether it governs the firewall of this machine.
   *
   * @throws {PortdError} `firewall_unavailable` when it does not answer in time.
   */
  governs(): Promise<boolean>;
  /**
   * Reads the firewall.
   *
   * @param call calls the program, and answers its stdout. It throws `firewall_unavailable` where that fails.
   * @throws {PortdError} `firewall_unavailable`.
   */
  read(call: (...args: readonly string[]) => Promise<string>, options: EntryOptions): Promise<Entries<Command>>;
  /** The calls of the program that carry commands out, in this order. */
  callsFor(commands: readonly Command[]): readonly ProgramCall[];
  /** What the program writes when it is called without the rights that it needs, and which these are. */
  readonly denial: readonly [said: RegExp, reason: string];
  /** What the program writes when it fails for another known reason, and that reason. @default none */
  readonly reasons?: readonly (readonly [said: RegExp, reason: string])[];
  /** Matches the line that says what failed; the group is the message. */
  readonly errorLine: RegExp;
}

/** One call of a dialect's program. */
export interface ProgramCall {
  readonly args: readonly string[];
  /** What it reads from its stdin. */
  readonly input?: string;
}

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
