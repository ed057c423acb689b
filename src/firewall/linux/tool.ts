/** Programs of a firewall: the host's, so that failing at them is the firewall's failure. */
import { PortdError } from "../../errors.ts";
import { type Program, ProgramError, type ProgramOutcome, type RunOptions, runProgram } from "../../os/program.ts";

/**
 * Runs a program to its end, in English. What it answers is the caller's to judge.
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

/** The error of a firewall that cannot be used. @param intent as in {@linkcode RunOptions}. */
export function unavailable(intent: string, reason: string, cause?: unknown): PortdError {
  return new PortdError("firewall_unavailable", `Cannot ${intent}: ${reason}`, {}, { cause });
}
