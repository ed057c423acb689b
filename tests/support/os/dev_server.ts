/**
 * Dev servers as people use them, under `portd run`. Each case is run in two working copies side by side, at a terminal,
 * by its usual command: pages, hot reload, Ctrl-C, and what is left then. The cases of the gate are few;
 * PORTD_DEV_SERVERS=all runs all of them, or PORTD_DEV_SERVERS=vite,next those.
 */
import assert from "node:assert/strict";
import type { Lease } from "../../../src/lease/lease.ts";
import { retryUntil, within } from "../../../src/wait.ts";
import { Installation } from "./installation.ts";
import { linux, osTest, type Requirement, tools } from "./requirement.ts";
import { commandsOf, isListening, killCommandsOf, listens, untilAll } from "./runs.ts";
import { TerminalRun } from "./terminal_run.ts";

const PATIENCE_MS = 180_000;
/** A page may take long the first time: the server builds it. */
const PAUSE_MS = 1000;
const LEAVING_MS = 30_000;

/** A working copy whose server runs. */
export interface Served {
  readonly port: number;
  readonly cwd: string;
  /** The ports of {@linkcode DevServer.sides}, in their order. */
  readonly sides: readonly number[];
}

/** A dev server as people start it. */
export interface DevServer {
  /** One word, by which PORTD_DEV_SERVERS asks for it. */
  readonly name: string;
  /** Whether the gate runs it. @default false: it takes long, or needs much */
  readonly always?: boolean;
  /** What it needs besides Linux and Python. */
  readonly needs?: readonly Requirement[];
  /** Makes a copy of the project, of the name `copy`, in the folder of an installation. @returns its folder. */
  readonly make: (installation: Installation, copy: string) => Promise<string>;
  /** What stands behind `portd run web --`. */
  readonly command: readonly string[];
  /** Variables in addition to the test's own. */
  readonly env?: () => Promise<Readonly<Record<string, string>>>;
  /** The line about it on stderr; `undefined` for a server that takes PORT, of which none speaks. */
  readonly note: RegExp | undefined;
  /** Where a page is. @default "/" */
  readonly path?: string;
  /** What is on it. */
  readonly page: RegExp;
  /** The services of its side ports, behind the name of the lease: `inspector` is `web-inspector`. */
  readonly sides?: readonly string[];
  /** Whether its hot reload works: connects as the script of its page does. @throws {Error} where not */
  readonly reloads?: (served: Served) => Promise<void>;
  /** The exit code after Ctrl-C. @default any */
  readonly exitCode?: number;
}

/** Registers a test for each server that is asked for. */
export function testDevServers(servers: readonly DevServer[]): void {
  const asked = Deno.env.get("PORTD_DEV_SERVERS")?.split(",") ?? [];
  for (const server of servers) {
    const { name, always = false, needs = [] } = server;
    if (!always && !asked.includes("all") && !asked.includes(name)) continue;
    osTest(
      `${name}: two copies side by side, each on its port`,
      [linux, tools("python3", "stty"), ...needs],
      () => tryServer(server),
    );
  }
}

async function tryServer(server: DevServer): Promise<void> {
  const { make, env } = server;
  // CI=true, as the gate has it, has many servers behave as they do not for people.
  const installation = await Installation.create({ env: { PORTD_WATCH_MS: "200", CI: undefined, ...await env?.() } });
  const runs: TerminalRun[] = [];
  try {
    await installation.answer(["serve", "--detach"]);
    const folders: string[] = [];
    for (const copy of ["one", "two"]) folders.push(await make(installation, copy));
    for (const cwd of folders) runs.push(TerminalRun.start(installation, { cwd, command: server.command }));
    await tryRuns(installation, server, runs, folders);
  } catch (error) {
    const outputs = runs.map(({ output }, i) => `--- copy ${i + 1}:\n${output}`).join("\n");
    throw new Error(`Cannot run ${server.name}: ${(error as Error).message}\n${outputs}`, { cause: error });
  } finally {
    killCommandsOf(installation);
    for (const run of runs) await run.close();
    await installation[Symbol.asyncDispose]();
  }
}

async function tryRuns(
  installation: Installation,
  server: DevServer,
  runs: readonly TerminalRun[],
  folders: readonly string[],
): Promise<void> {
  const { note, reloads, exitCode } = server;
  const copies = await untilServed(installation, server, runs, folders);
  const ports = copies.flatMap(({ port, sides }) => [port, ...sides]);
  assert.equal(new Set(ports).size, ports.length, `two have one port: ${ports}`);
  for (const { port } of copies) await untilPage(port, server);
  for (const served of copies) await reloads?.(served);
  for (const run of runs) await run.pressCtrlC();
  for (const run of runs) {
    const code = await within(run.end(), PATIENCE_MS);
    assert.notEqual(code, undefined, "portd run has not ended after Ctrl-C");
    if (exitCode !== undefined) assert.equal(code, exitCode);
    if (note === undefined) assert.doesNotMatch(run.output, /^portd: /m);
    else assert.match(run.output, note);
  }
  // Next.js has a process send its telemetry, which goes on for a moment; it does not listen.
  const areGone = () => commandsOf(installation).length === 0;
  await retryUntil(areGone, { pauseMs: PAUSE_MS, limitMs: LEAVING_MS });
  assert.deepEqual(commandsOf(installation), [], "processes are left");
  for (const port of ports) assert.equal(await listens(port), false, `somebody listens on ${port} still`);
  assert.deepEqual(JSON.parse(await installation.answer(["ls", "--json"])).leases, [], "leases are left");
}

/** Waits until each copy listens on its port. @throws {Error} as soon as one of them ends. */
async function untilServed(
  installation: Installation,
  { sides = [] }: DevServer,
  runs: readonly TerminalRun[],
  folders: readonly string[],
): Promise<readonly Served[]> {
  const names = folders.map((folder) => `${folder.split("/").at(-1)}/web`);
  const end = Promise.race(runs.map(async (run) => {
    throw new Error(`it ended with exit code ${await run.end()}`);
  }));
  const leases = await Promise.race([untilAll(installation, names, isListening), end]);
  const all: readonly Lease[] = JSON.parse(await installation.answer(["ls", "--json"])).leases;
  return leases.map(({ port, name }, i) => ({
    port,
    cwd: folders[i]!,
    sides: sides.map((side) => all.find((lease) => lease.name === `${name}-${side}`)!.port),
  }));
}

async function untilPage(port: number, { path = "/", page }: DevServer): Promise<void> {
  let seen = "";
  const found = await retryUntil(async () => {
    try {
      const headers = { accept: "text/html" }, signal = AbortSignal.timeout(PATIENCE_MS);
      const response = await fetch(`http://localhost:${port}${path}`, { headers, signal });
      seen = `${response.status} ${await response.text()}`;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it does not take connections yet, or has closed one
      seen = error.message;
    }
    return page.test(seen);
  }, { pauseMs: PAUSE_MS, limitMs: PATIENCE_MS });
  assert.ok(found, `the page is not served: ${seen.slice(0, 2000)}`);
}
