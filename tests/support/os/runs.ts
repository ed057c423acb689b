/** `portd run` without a terminal, as agents and build servers use it. */
import assert from "node:assert/strict";
import type { Lease } from "../../../src/lease/lease.ts";
import { call, liveLeases } from "./api.ts";
import type { Installation } from "./installation.ts";
import { linesOf } from "./lines.ts";

const PATIENCE_MS = 180_000;

/** A `portd run web` that has been started. */
export class Run {
  readonly #process: Deno.ChildProcess;
  readonly #stderr: Promise<string>;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#stderr = textOf(process.stderr);
  }

  /**
   * Starts it in a new session, so that it does not have the terminal of the test.
   *
   * @param project the folder of its project, and the command after `portd run web --`, or after other names.
   */
  static start(
    installation: Installation,
    project: { readonly cwd: string; readonly names?: readonly string[]; readonly command: readonly string[] },
  ): Run {
    const { cwd, names = ["web"], command } = project;
    const args = ["run", ...names, "--", ...command];
    const options = { before: ["setsid"], cwd, stdin: "null", stdout: "null" } as const;
    return new Run(installation.command(args, options).spawn());
  }

  /** Sends a signal to portd alone. */
  signal(name: Deno.Signal): void {
    this.#process.kill(name);
  }

  /** Waits for the end of portd; what it has started may still run. @returns the exit code. */
  async code(): Promise<number> {
    return (await this.#process.status).code;
  }

  /** Waits until portd and all that has its stderr have ended. @returns what they wrote to it. */
  async stderr(): Promise<string> {
    return await this.#stderr;
  }
}

/**
 * Waits until there was a wanted lease of each name; the daemon must have been started.
 *
 * @returns the leases in the order of the names.
 */
export async function untilAll(
  installation: Installation,
  names: readonly string[],
  isWanted: (lease: Lease) => boolean,
): Promise<readonly Lease[]> {
  const url = `${(await installation.daemon()).url}/v1`;
  const events = await fetch(`${url}/events`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  assert.equal(events.status, 200);
  const missing = new Set(names);
  const found = new Map<string, Lease>();
  const take = (lease: Lease) => {
    if (lease.name !== null && isWanted(lease) && missing.delete(lease.name)) found.set(lease.name, lease);
  };
  for (const lease of await liveLeases(url)) take(lease);
  if (missing.size === 0) await events.body!.cancel();
  else {
    for await (const lease of leaseEvents(events)) {
      take(lease);
      if (missing.size === 0) break;
    }
  }
  return names.map((name) => found.get(name)!);
}

/** Whether the holder of a lease listens. */
export function isListening({ state }: Lease): boolean {
  return state === "listening";
}

/** Waits until the daemon has looked at its holders: until the lease of a process that has just ended is gone. */
export async function untilLookedAt(installation: Installation): Promise<void> {
  const holder = new Deno.Command("cat", { stdin: "piped" }).spawn();
  const { url } = await installation.daemon();
  const { status, body } = await call(`${url}/v1`, "POST", "/leases", {
    name: "control",
    pid: holder.pid,
    lifetime: { kind: "process", graceMs: 0 },
  });
  assert.equal(status, 201);
  await holder.stdin.close();
  await holder.status;
  const isThere = async () => (await liveLeases(`${url}/v1`)).some(({ id }) => id === body?.id);
  while (await isThere());
}

async function* leaseEvents({ body }: Response): AsyncGenerator<Lease> {
  for await (const line of linesOf(body!)) {
    if (!line.startsWith("data: ")) continue;
    const { lease } = JSON.parse(line.slice("data: ".length)) as { readonly lease?: Lease };
    if (lease !== undefined) yield lease;
  }
  throw new Error("Cannot wait for leases: the daemon ended");
}

/** The commands of an installation that run now, without portd's own processes: they have a leased port in WEB_PORT. */
export function commandsOf({ stateDir }: Installation): readonly { readonly pid: number; readonly command: string }[] {
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(path);
    } catch (error) {
      // It has just ended (ESRCH comes as a plain error), or another user's process may not be read.
      const isExpected = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
        (error instanceof Error && /os error 3\b/.test(error.message));
      if (isExpected) return "";
      throw error;
    }
  };
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const variables = read(`/proc/${pid}/environ`).split("\0");
    const isCommand = variables.includes(`PORTD_STATE_DIR=${stateDir}`) &&
      variables.some((variable) => variable.startsWith("WEB_PORT="));
    return isCommand ? [{ pid: Number(pid), command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() }] : [];
  });
}

/** Ends the commands that a failed test has left, with SIGKILL. */
export function killCommandsOf(installation: Installation): void {
  for (const { pid } of commandsOf(installation)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Whether anybody listens on a port of this machine. */
export async function listens(port: number): Promise<boolean> {
  for (const hostname of ["127.0.0.1", "::1"]) {
    try {
      (await Deno.connect({ hostname, port })).close();
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
  return false;
}

/** All of a stream, as text. */
export function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}
