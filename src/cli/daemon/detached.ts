/** Starting a program that outlives this one, and has none of its streams. */

/** What {@linkcode spawnDetached} starts. */
export interface DetachedOptions {
  /** The absolute path of the program, and its arguments. */
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A program that was started. Disposing of it forgets it, and does not end it. */
export interface Detached extends Disposable {
  /** `undefined` while it runs. */
  readonly exitCode: number | undefined;
}

/**
 * Starts a program in a session of its own, so that Ctrl-C and the end of the terminal do not reach it.
 *
 * @throws {Deno.errors.NotFound} when there is no such program. @throws {Deno.errors.PermissionDenied} when it may not be run.
 */
export function spawnDetached({ words: [program, ...args], cwd, env }: DetachedOptions): Promise<Detached> {
  const options = {
    args,
    cwd,
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true, // in Deno 2.4's types only with --unstable-detached, in its runtime without
  } as const;
  const child = new Deno.Command(program, options as Deno.CommandOptions).spawn();
  child.unref();
  let exitCode: number | undefined;
  child.status.then(({ code }) => exitCode = code);
  return Promise.resolve({
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {},
  });
}
