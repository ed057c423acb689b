/** Programs of the system, run to their end. */

/** Options of {@linkcode runTool}. */
export interface ToolOptions {
  readonly cwd?: string;
  /** The whole environment; without it the program inherits ours. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to stdout.
 * @throws {Error} with what it wrote to stderr when it fails.
 */
export async function runTool(program: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  const { cwd, env } = options;
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...env }, clearEnv: true }),
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program} ${args.join(" ")}: exit code ${code}: ${new TextDecoder().decode(stderr)}`);
}
