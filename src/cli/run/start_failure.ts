/** Why a command cannot be started and what would work. The exit codes are those of shells. */
import { reasonOf } from "../../errors.ts";
import type { CliContext } from "../context.ts";
import { describeFailure, Ended } from "../exit.ts";

/** The exit codes for a program that is not there, and for one that cannot be run. */
const NOT_FOUND = 127, NOT_EXECUTABLE = 126;

/** Prints the reason on stderr, with `--json` as JSON. @param cause is the OS's error. @returns the error that ends portd. */
export function startFailure(
  cause: unknown,
  program: string,
  { context: { cwd, process: { stderr } }, json = false }: {
    readonly context: CliContext;
    readonly json?: boolean | undefined;
  },
): Ended {
  const error = new Error(`Cannot run ${program}: ${whyNot(cause, program, cwd)}`);
  stderr.write(`${describeFailure(error, { json })}\n`);
  return new Ended(cause instanceof Deno.errors.NotFound ? NOT_FOUND : NOT_EXECUTABLE);
}

function whyNot(error: unknown, program: string, cwd: string): string {
  const isPath = /[/\\]/.test(program);
  const path = /^(?:[/\\]|[A-Za-z]:)/.test(program) ? program : `${cwd}/${program}`;
  const file = lookAt(path);
  if (error instanceof Deno.errors.NotFound) {
    if (isPath) return file === undefined ? "there is no such file" : "the interpreter in its first line is not there";
    const hint = file?.isFile ? `this folder has it: write ./${program}` : "check the spelling, or write its path";
    return `there is no such program in PATH; ${hint}`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return file?.isDirectory
      ? "it is a folder and not a program"
      : `this user may not execute it; chmod +x ${program} allows that, or start it with its interpreter`;
  }
  return reasonOf(error);
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined; // the system has named the reason already
    throw error;
  }
}
