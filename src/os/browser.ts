/** Opening an address in the browser of the user. */
import type { Wsl } from "./linux/wsl.ts";
import { system32 } from "./windows/system32.ts";

/** The system as {@linkcode openBrowser} sees it. */
export interface BrowserSystem {
  readonly os: typeof Deno.build.os;
  readonly env: Readonly<Record<string, string>>;
  readonly wsl: Wsl | undefined;
  /** Starts a program. @returns its exit code; `undefined` where it still runs after a while, or there is no such program. */
  readonly start: (program: string, args: readonly string[]) => Promise<number | "running" | "missing">;
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
    const outcome = await system.start(program, [...args, address]);
    if (outcome === 0 || outcome === "running") return undefined;
    failures.push(
      outcome === "missing" ? `${program} is not installed` : `${program} has failed (exit code ${outcome})`,
    );
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

/** Starts a program that this process does not wait for: some stay for as long as the browser. */
export async function startProgram(program: string, args: readonly string[]): Promise<number | "running" | "missing"> {
  const stdio = { stdin: "null", stdout: "null", stderr: "null" } as const;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args: [...args], ...stdio }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw error;
  }
  child.unref();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"running">((resolve) => timer = setTimeout(() => resolve("running"), START_MS));
  const outcome = await Promise.race([child.status.then(({ code }) => code), late]);
  clearTimeout(timer);
  return outcome;
}
