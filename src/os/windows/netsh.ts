/** netsh.exe of Windows. Its words are in the user's language: only its digits, signs and exit code may be read. */
import { outputOf, type ProgramOutcome, runProgram } from "../program.ts";
import { system32 } from "./system32.ts";

const TIMEOUT_MS = 60_000;

/** Runs `netsh.exe int …`. @throws {ProgramError} when it cannot be run. */
export async function runNetsh(args: readonly string[]): Promise<ProgramOutcome> {
  return await runProgram([system32("netsh.exe")], args, { timeoutMs: TIMEOUT_MS, intent: "reserve ports" });
}

/** What `netsh.exe int …` prints; nothing on a Windows without it. */
export async function readNetsh(...args: readonly string[]): Promise<string> {
  const options = { timeoutMs: TIMEOUT_MS, intent: "read the system's port ranges" };
  return await outputOf([system32("netsh.exe")], args, options);
}
