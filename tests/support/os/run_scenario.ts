/** `portd run web -- CMD`, from the grant to the release, with what `portd ls` says at each step. */
import assert from "node:assert/strict";
import type { Lease } from "../../../src/lease/lease.ts";
import type { Installation } from "./installation.ts";
import { linesOf } from "./lines.ts";

/** A service to be run. */
export interface Service {
  /** What stands behind `portd run web --`; `{port}` is filled in by portd. */
  readonly command: readonly string[];
  /** The folder of its project. */
  readonly cwd: string;
  /** What the page at `/` holds. */
  readonly page: RegExp;
  /** How the command line of the process that listens looks. */
  readonly listener: RegExp;
}

/**
 * Waits for a line on stdin and becomes the command behind it, with the same pid: so there is a moment in which the
 * lease is granted and nobody listens.
 */
const GATE = ["python3", "-c", "import os, sys; sys.stdin.readline(); os.execvp(sys.argv[1], sys.argv[1:])"];

/**
 * Runs a service through portd, as on a terminal: the whole process group gets the SIGINT of Ctrl-C.
 *
 * @returns the port that it was served on.
 */
export async function runService(installation: Installation, service: Service): Promise<number> {
  const { command, cwd } = service;
  assert.deepEqual(await leases(installation), []);
  const args = ["run", "web", "--", ...GATE, ...command];
  const child = installation.command(args, { before: ["setsid"], cwd, stdin: "piped" }).spawn();
  const talk = Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  try {
    await follow(installation, child, service);
    const { port } = (await leases(installation))[0]!;
    Deno.kill(-child.pid, "SIGINT");
    await child.status;
    assert.deepEqual(await leases(installation), [], "the lease outlives portd run");
    await assert.rejects(fetch(`http://localhost:${port}/`), TypeError, "the service outlives portd run");
    return port;
  } catch (error) {
    killGroup(child.pid);
    throw new Error(`Cannot run ${command.join(" ")}: ${(error as Error).message}\n${(await talk).join("\n")}`, {
      cause: error,
    });
  }
}

async function follow(installation: Installation, child: Deno.ChildProcess, service: Service): Promise<void> {
  const { port } = await untilEvent(installation, "lease.granted");
  const [granted] = await leases(installation);
  assert.equal(granted?.state, "granted");
  assert.equal(granted?.port, port);
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode("\n"));
  await input.close();
  await untilEvent(installation, "lease.listening");
  const [listening] = await leases(installation);
  assert.equal(listening?.state, "listening");
  assert.match(listening?.listener?.command ?? "", service.listener);
  await assertListens(listening?.listener?.pid ?? 0, service.listener);
  const response = await fetch(`http://localhost:${port}/`);
  assert.equal(response.status, 200);
  assert.match(await response.text(), service.page);
}

/** What `portd ls` shows. */
async function leases(installation: Installation): Promise<readonly Lease[]> {
  return (JSON.parse(await installation.answer(["ls", "--json"])) as { readonly leases: readonly Lease[] }).leases;
}

/** That the pid of the lease is that of a process with this command line. */
async function assertListens(pid: number, command: RegExp): Promise<void> {
  const words = await Deno.readTextFile(`/proc/${pid}/cmdline`);
  assert.match(words.replaceAll("\0", " "), command);
}

/** Waits for an event of the lease `web`; one that has been is found in the lease's state. */
async function untilEvent(installation: Installation, type: string): Promise<Lease> {
  const { url } = await installation.daemon();
  const response = await fetch(`${url}/v1/events`);
  assert.equal(response.status, 200);
  const state = type.slice("lease.".length);
  const known = (await leases(installation)).find((lease) => lease.state === state);
  if (known !== undefined) {
    await response.body!.cancel();
    return known;
  }
  for await (const line of linesOf(response.body!)) {
    if (!line.startsWith("data: ")) continue;
    const event = JSON.parse(line.slice("data: ".length)) as { readonly type: string; readonly lease: Lease };
    if (event.type === type) return event.lease;
  }
  throw new Error(`Cannot wait for ${type}: the daemon ended`);
}

function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
