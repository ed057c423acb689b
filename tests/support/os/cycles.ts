/**
 * Starts and stops the daemon many times in this process, in one state folder, and prints what it found as JSON:
 * `cycles.ts STATE_DIR CYCLES FIREWALL`. FIREWALL is the setting `firewall.backend`.
 */
import assert from "node:assert/strict";
import { createApp } from "../../../routes/app.ts";
import { type Lease, PortdClient } from "../../../src/client/client.ts";
import { socketTransport } from "../../../src/client/socket_transport.ts";
import { type Config, loadConfig } from "../../../src/config.ts";
import { runDaemon } from "../../../src/daemon/daemon.ts";
import { freePort } from "../sockets.ts";

/** What a process has open, and what it has left in folders, by name. */
export interface Leftovers {
  /** What its descriptors are, sorted; numbers of inodes left out. */
  readonly descriptors: readonly string[];
  /** Locks on files that it keeps. */
  readonly locks: number;
  readonly stateFiles: readonly string[];
  readonly temporaryFiles: readonly string[];
}

/** What is printed. */
export interface CyclesReport {
  readonly cycles: number;
  /** Leases that were missing at a start, or had another port. */
  readonly lost: readonly string[];
  readonly granted: number;
  readonly released: number;
  /** Between two runs: after the first few, and after the last. */
  readonly before: Leftovers;
  readonly after: Leftovers;
  /** While the daemon runs with its leases, likewise. */
  readonly runningBefore: Leftovers;
  readonly runningAfter: Leftovers;
}

/**
 * After so many cycles, and so long, all is open that stays open, such as libraries. Deno opens two sockets for itself
 * half a second after its start.
 */
const WARM_UP = 10, WARM_UP_MS = 2000;
const HELD = 20, EXCHANGED = 2;

class Cycles {
  readonly #config: Config;
  readonly #client: PortdClient;
  readonly #held = new Map<string, Lease>();
  readonly lost: string[] = [];
  granted = 0;
  released = 0;

  constructor(config: Config) {
    this.#config = config;
    this.#client = new PortdClient({ url: `http://${config.listen}`, transport: socketTransport() });
  }

  /** Runs the daemon once. @returns what it has open meanwhile. */
  async once(): Promise<Leftovers> {
    const stopping = new AbortController();
    const ready = Promise.withResolvers<string>();
    const { signal } = stopping;
    const ended = runDaemon(this.#config, { signal, createApp, log: () => {}, onReady: ready.resolve });
    await Promise.race([ready.promise, ended]);
    await this.#checkHeld();
    await this.#exchange();
    const open = await lookAround(this.#config.stateDir);
    stopping.abort();
    await ended;
    return open;
  }

  async #checkHeld(): Promise<void> {
    const live = new Map((await this.#client.listAll()).map((lease) => [lease.id, lease]));
    for (const { id, port } of this.#held.values()) {
      if (live.get(id)?.port !== port) this.lost.push(`${id} on ${port}`);
    }
    assert.equal(live.size, this.#held.size);
  }

  /** Releases the oldest leases, and grants as many as there are to be. */
  async #exchange(): Promise<void> {
    for (const { id } of [...this.#held.values()].slice(0, this.#held.size < HELD ? 0 : EXCHANGED)) {
      await this.#client.release(id);
      this.#held.delete(id);
      this.released++;
    }
    while (this.#held.size < HELD) {
      const lease = await this.#client.grant({ protocols: ["tcp"], lifetime: { kind: "pinned" } });
      assert.equal(lease.hold, "soft");
      this.#held.set(lease.id, lease);
      this.granted++;
    }
  }
}

/** Who waits longer waits for a program that does not end. */
const PATIENCE_MS = 60_000;

/**
 * Waits until no more programs run than `before`. On a busy machine the firewall's outlives the stop, which gives it a
 * second only.
 */
async function untilProgramsEnded(before: number): Promise<void> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  while (!patience.aborted && await programHandles() > before);
}

/** How many descriptors are those of running programs: their pipes, and what they are waited for with. */
async function programHandles(): Promise<number> {
  return (await openDescriptors()).filter((target) => /^(pipe|anon_inode):\[(N|pidfd)\]$/.test(target)).length;
}

/** What the descriptors of this process are, numbers of inodes left out. */
async function openDescriptors(): Promise<string[]> {
  const descriptors: string[] = [];
  for (const { name } of await Array.fromAsync(Deno.readDir("/proc/self/fd"))) {
    const target = await targetOf(`/proc/self/fd/${name}`);
    if (target !== undefined && !target.startsWith("/proc/")) descriptors.push(target.replace(/\d+/g, "N"));
  }
  return descriptors.sort();
}

/** What is open and left at this moment. */
async function lookAround(stateDir: string): Promise<Leftovers> {
  const descriptors = await openDescriptors();
  const locks = (await Deno.readTextFile("/proc/locks")).split("\n").filter((line) =>
    line.split(/\s+/)[4] === String(Deno.pid)
  );
  return {
    descriptors,
    locks: locks.length,
    stateFiles: await namesIn(stateDir),
    temporaryFiles: await namesIn(Deno.env.get("TMPDIR")!),
  };
}

/** The folder that is read has a descriptor too, which is gone when it is looked at. */
async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readLink(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

async function run(stateDir: string, count: number, firewall: string): Promise<CyclesReport> {
  const flags = { listen: `127.0.0.1:${freePort()}`, "firewall.backend": firewall };
  const { config } = await loadConfig({ flags, env: {}, stateDir });
  const cycles = new Cycles(config);
  const programs = await programHandles();
  let done = 0;
  for (; done < WARM_UP - 1 || performance.now() < WARM_UP_MS; done++) await cycles.once();
  const runningBefore = await cycles.once();
  await untilProgramsEnded(programs);
  const before = await lookAround(stateDir);
  for (done++; done < count - 1; done++) await cycles.once();
  const runningAfter = await cycles.once();
  await untilProgramsEnded(programs);
  const after = await lookAround(stateDir);
  const { lost, granted, released } = cycles;
  return { cycles: done + 1, lost, granted, released, before, after, runningBefore, runningAfter };
}

if (import.meta.main) {
  const [stateDir = "", count, firewall = ""] = Deno.args;
  console.log(JSON.stringify(await run(stateDir, Number(count), firewall)));
}
