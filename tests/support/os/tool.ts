/** Programs of the system, run to their end. */

/**
 * Runs a program to its end.
 *
 * @param options `env` is the whole environment; without it the program inherits ours.
 * @returns what it wrote to stdout.
 * @throws {Error} with what it wrote to stderr when it fails.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...env }, clearEnv: true }),
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program} ${args.join(" ")}: exit code ${code}: ${new TextDecoder().decode(stderr)}`);
}
