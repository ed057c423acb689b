/** Opening an address in the browser of the user. */
import { reasonOf } from "../errors.ts";
import { within } from "../wait.ts";
import type { Wsl } from "./linux/wsl.ts";
import { system32 } from "./windows/system32.ts";

/** The system as {@linkcode openBrowser} sees it. */
export interface BrowserSystem {
  readonly os: typeof Deno.build.os;
  readonly env: Readonly<Record<string, string>>;
  readonly wsl: Wsl | undefined;
  /** Starts a program. @returns why it failed, in words; `undefined` where it has not. */
  readonly start: typeof startProgram;
}

/** The system's own programs that hand an address to the browser, in the order in which they are tried. */
type Openers = readonly (readonly [program: string, ...args: readonly string[]])[];

/** How long is waited for a program that may end at once with an error, in milliseconds. */
const START_MS = 3000;

/**
 * Opens an address, without a shell.
 *
 * @returns `undefined` when a browser was started, as far as that can be seen; else why not, in words.
 */
export async function openBrowser(address: string, system: BrowserSystem): Promise<string | undefined> {
  const { os, env, wsl } = system;
  if (os === "linux" && wsl === undefined && !env.DISPLAY && !env.WAYLAND_DISPLAY) return "there is no desktop here";
  const failures: string[] = [];
  for (const [program, ...args] of openersOf(os, wsl)) {
    const failure = await system.start(program, [...args, address]);
    if (failure === undefined) return undefined;
    failures.push(`${program} ${failure}`);
  }
  return failures.join(", ");
}

/** Absolute paths: the current folder and PATH may have programs of others. */
function openersOf(os: BrowserSystem["os"], wsl: Wsl | undefined): Openers {
  const handler = ["url.dll,FileProtocolHandler"] as const;
  if (os === "windows") return [[system32("rundll32.exe"), ...handler]];
  if (os === "darwin") return [["/usr/bin/open"]];
  const windows: Openers = wsl === undefined ? [] : [["/mnt/c/Windows/System32/rundll32.exe", ...handler]];
  return [...windows, ["/usr/bin/xdg-open"]];
}

/**
 * Starts a program that this process does not wait for: some stay for as long as the browser.
 *
 * @returns why it could not be started or has failed at once, in words; `undefined` where neither is known.
 */
export async function startProgram(program: string, args: readonly string[]): Promise<string | undefined> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
  } catch (error) {
    // Among others: a program of Windows where WSL may not start any.
    return error instanceof Deno.errors.NotFound ? "is not installed" : `cannot be started (${reasonOf(error)})`;
  }
  child.unref();
  const status = await within(child.status, START_MS);
  return status === undefined || status.success ? undefined : `has failed (exit code ${status.code})`;
}
