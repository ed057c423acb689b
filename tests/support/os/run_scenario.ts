/** `portd run web -- CMD`, from the grant to the release, with what `portd ls` shows at each step. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import type { Lease } from "../../../src/lease/lease.ts";
import type { Installation } from "./installation.ts";
import { isListening, textOf, untilAll } from "./runs.ts";

/** A service to run. */
export interface Service {
  /** The command after `portd run web --`; portd fills in `{port}`. */
  readonly command: readonly string[];
  /** The folder of its project. */
  readonly cwd: string;
  /** Matches the page at `/`. */
  readonly page: RegExp;
  /** Matches the command line of the process that listens. */
  readonly listener: RegExp;
}

/**
 * Waits for a line on stdin, then becomes the command, with the same pid: so there is a moment when the lease is
 * granted and nobody listens.
 */
const GATE = ["python3", "-c", "import os, sys; sys.stdin.readline(); os.execvp(sys.argv[1], sys.argv[1:])"];

/** Runs a service through portd, as on a terminal: the whole process group gets the SIGINT of Ctrl-C. */
export async function runService(installation: Installation, service: Service): Promise<void> {
  const { command, cwd } = service;
  assert.deepEqual(await leases(installation), []);
  const args = ["run", "web", "--", ...GATE, ...command];
  const child = installation.command(args, { before: ["setsid"], cwd, stdin: "piped" }).spawn();
  const output = Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  try {
    await follow(installation, child, service);
    const { port } = (await leases(installation))[0]!;
    Deno.kill(-child.pid, "SIGINT");
    await child.status;
    assert.deepEqual(await leases(installation), [], "the lease outlives portd run");
    await assert.rejects(fetch(`http://localhost:${port}/`), TypeError, "the service outlives portd run");
  } catch (error) {
    killGroup(child.pid);
    throw new Error(`Cannot run ${command.join(" ")}: ${(error as Error).message}\n${(await output).join("\n")}`, {
      cause: error,
    });
  }
}

async function follow(installation: Installation, child: Deno.ChildProcess, service: Service): Promise<void> {
  const name = `${basename(service.cwd)}/web`;
  const [found] = await untilAll(installation, [name], ({ state }) => state === "granted");
  const [granted] = await leases(installation);
  assert.deepEqual([granted?.state, granted?.port], ["granted", found!.port]);
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode("\n"));
  await input.close();
  await untilAll(installation, [name], isListening);
  const [listening] = await leases(installation);
  assert.equal(listening?.state, "listening");
  assert.match(listening?.listener?.command ?? "", service.listener);
  await assertListens(listening?.listener?.pid ?? 0, service.listener);
  const response = await fetch(`http://localhost:${found!.port}/`);
  assert.equal(response.status, 200);
  assert.match(await response.text(), service.page);
}

/** What `portd ls` shows. */
async function leases(installation: Installation): Promise<readonly Lease[]> {
  return (JSON.parse(await installation.answer(["ls", "--json"])) as { readonly leases: readonly Lease[] }).leases;
}

/** Checks that the pid of the lease is that of a process with this command line. */
async function assertListens(pid: number, command: RegExp): Promise<void> {
  const words = await Deno.readTextFile(`/proc/${pid}/cmdline`);
  assert.match(words.replaceAll("\0", " "), command);
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
