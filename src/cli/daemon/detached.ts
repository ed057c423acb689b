/** Starting a program that outlives this one, and has none of its streams. src/os/windows/spawn.ts does it on Windows. */
import { openLibSystem } from "../../os/darwin/libsystem.ts";
import { darwinInheritance, type Inheritance, linuxInheritance, withoutInherited } from "../../os/inherited.ts";
import { openLibc } from "../../os/linux/libc.ts";
import { openKernel32Spawn } from "../../os/windows/kernel32.ts";
import { spawn } from "../../os/windows/spawn.ts";

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
 * Starts a program in a session of its own, so that Ctrl-C and the end of the terminal do not reach it; on Windows with
 * a hidden console, and outside of the job in which this program runs, where that allows it.
 *
 * @throws {Deno.errors.NotFound} when there is no such program. @throws {Deno.errors.PermissionDenied} when it may not be run.
 */
export async function spawnDetached({ words, cwd, env }: DetachedOptions): Promise<Detached> {
  if (Deno.build.os === "windows") return await spawn({ words, cwd, env, leavesJob: true }, openKernel32Spawn());
  const [program, ...args] = words;
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
  const start = () => new Deno.Command(program, options as Deno.CommandOptions).spawn();
  const inheritance = openInheritance(), child = inheritance ? withoutInherited(inheritance, start) : start();
  child.unref();
  let exitCode: number | undefined;
  child.status.then(({ code }) => exitCode = code);
  return {
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {},
  };
}

/** That of this system; `undefined` where programs inherit only what they are given. */
function openInheritance(): Inheritance | undefined {
  if (Deno.build.os === "linux") return linuxInheritance(openLibc());
  return Deno.build.os === "darwin" ? darwinInheritance(openLibSystem()) : undefined;
}
