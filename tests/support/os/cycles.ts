/**
 * Starts and stops the daemon many times in this process, in one state folder, and prints what is left as JSON:
 * `cycles.ts STATE_DIR CYCLES FIREWALL`, the last of which is the setting `firewall.backend`.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { createApp } from "../../../routes/app.ts";
import { type Lease, PortdClient } from "../../../src/client/client.ts";
import { socketTransport } from "../../../src/client/socket_transport.ts";
import { type Config, loadConfig } from "../../../src/config.ts";
import { runDaemon } from "../../../src/daemon/daemon.ts";
import { freePort } from "../sockets.ts";

/** What a process has open, and the files that it has left. */
export interface Leftovers {
  /** The targets of its descriptors, sorted; without numbers of inodes. */
  readonly descriptors: readonly string[];
  /** How many locks on files it holds. */
  readonly locks: number;
  readonly stateFiles: readonly string[];
  readonly temporaryFiles: readonly string[];
}

/** What is printed. */
export interface CyclesReport {
  /** Leases that were missing at a start, or had another port. */
  readonly lost: readonly string[];
  readonly granted: number;
  readonly released: number;
  /** Between two runs of the daemon: after the first few, and after the last. */
  readonly before: Leftovers;
  readonly after: Leftovers;
  /** While the daemon runs, likewise. */
  readonly runningBefore: Leftovers;
  readonly runningAfter: Leftovers;
}

/** After so many cycles everything is open that stays open, such as libraries. */
const WARM_UP = 10;
/** How many leases there are, and how many of them each cycle releases and grants again. */
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

  /** Runs the daemon once. @returns what is open while it runs. */
  async once(): Promise<Leftovers> {
    const stopping = new AbortController();
    const ready = Promise.withResolvers<string>();
    const { signal } = stopping;
    const ended = runDaemon(this.#config, { signal, createApp, log: () => {}, onReady: ready.resolve });
    await Promise.race([ready.promise, ended]);
    await this.#checkHeld();
    await this.#exchange();
    const open = lookAround(this.#config.stateDir);
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

  /** Releases the oldest leases, and takes new ones. */
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

const PATIENCE_MS = 120_000;

/** What is open and what files there are at this moment: nothing else runs while it is read. */
function lookAround(stateDir: string): Leftovers {
  const locks = Deno.readTextFileSync("/proc/locks").split("\n").filter((line) =>
    line.split(/\s+/)[4] === String(Deno.pid)
  );
  return {
    descriptors: openDescriptors(),
    locks: locks.length,
    stateFiles: namesIn(stateDir),
    temporaryFiles: namesIn(Deno.env.get("TMPDIR")!),
  };
}

/**
 * The same once no program runs: until no more handles of programs are open than at the start. On a busy machine the
 * programs of the firewall outlive the stop of the daemon, which waits only a second for them.
 */
async function lookAfterPrograms(stateDir: string, handlesAtStart: number): Promise<Leftovers> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const found = lookAround(stateDir);
    if (patience.aborted || countProgramHandles(found.descriptors) <= handlesAtStart) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** How many descriptors belong to running programs: their pipes, and the handles on which we wait for their end. */
function countProgramHandles(descriptors: readonly string[]): number {
  return descriptors.filter((target) => /^(pipe|anon_inode):\[(N|pidfd)\]$/.test(target)).length;
}

/** The targets of the descriptors of this process, without numbers of inodes. */
function openDescriptors(): string[] {
  const names = namesIn("/proc/self/fd");
  const targets = names.map((name) => targetOf(`/proc/self/fd/${name}`)).filter((target) => target !== undefined);
  return targets.filter((target) => !target.startsWith("/proc/")).map((target) => target.replace(/\d+/g, "N")).sort();
}

/** Of the descriptors, that of the folder which was read is closed by then. */
function targetOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

async function run(stateDir: string, count: number, firewall: string): Promise<CyclesReport> {
  const flags = { listen: `127.0.0.1:${freePort()}`, "firewall.backend": firewall };
  const { config } = await loadConfig({ flags, env: {}, stateDir });
  const cycles = new Cycles(config);
  const handles = countProgramHandles(openDescriptors());
  for (let done = 0; done < WARM_UP - 1; done++) await cycles.once();
  const runningBefore = await cycles.once();
  const before = await lookAfterPrograms(stateDir, handles);
  for (let done = WARM_UP; done < count - 1; done++) await cycles.once();
  const runningAfter = await cycles.once();
  const after = await lookAfterPrograms(stateDir, handles);
  const { lost, granted, released } = cycles;
  return { lost, granted, released, before, after, runningBefore, runningAfter };
}

if (import.meta.main) {
  const [stateDir = "", count, firewall = ""] = Deno.args;
  console.log(JSON.stringify(await run(stateDir, Number(count), firewall)));
}
