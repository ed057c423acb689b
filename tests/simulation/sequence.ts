/** One sequence: a world, some steps, then rest, and all invariants after each. The same seed gives the same run. */
import { setImmediate } from "node:timers";
import { createHash } from "node:crypto";
import { Store } from "../../src/lease/store/store.ts";
import { servicesOf } from "../../src/port/iana.ts";
import { mix, Random } from "../support/random.ts";
import { installDisks } from "./disk.ts";
import { type Invariant, INVARIANTS } from "./invariants/all.ts";
import { STUCK } from "./invariants/answers.ts";
import { drawSettings } from "./settings.ts";
import { beginLook, takeStep } from "./steps.ts";
import { VirtualTime } from "./time.ts";
import { StuckError, World } from "./world.ts";

/** The longest pause between two pieces of the daemon's own work, in milliseconds. */
const MOMENT_MS = 20;

/** An invariant that did not hold. */
export interface Failure {
  readonly invariant: string;
  readonly detail: string;
}

/** The outcome of a sequence. */
export interface Outcome {
  readonly failure: Failure | undefined;
  /** The numbers of the steps that were taken. */
  readonly steps: readonly number[];
  /** Each step in words, with the answers that came in it. */
  readonly trace: readonly string[];
}

/** Which sequence to run, and how to judge it. */
export interface SequenceOptions {
  readonly seed: number;
  /** The numbers of the steps that are taken. @default all */
  readonly steps?: readonly number[];
  readonly invariants?: readonly Invariant[];
  /** Breaks a promise, to see whether that is found. */
  readonly tamper?: ((world: World) => void) | undefined;
}

/** Runs sequences one after the other. Until it is disposed of, the store of this thread is on virtual disks. */
export class Simulator implements AsyncDisposable {
  readonly #folder: string;
  readonly #template: Uint8Array;
  readonly #disks = installDisks();
  readonly #getRandomValues = crypto.getRandomValues;
  readonly #digest = crypto.subtle.digest;
  readonly #now = performance.now;
  readonly #setTimeout = globalThis.setTimeout;

  private constructor(folder: string, template: Uint8Array) {
    this.#folder = folder;
    this.#template = template;
  }

  /** Makes the folder, in memory where the system has a file system for that, and the file that each sequence begins with. */
  static async open(): Promise<Simulator> {
    const folder = makeFolder("/dev/shm") ?? Deno.makeTempDirSync({ prefix: "portd-simulation-" });
    const path = `${folder}/template.db`;
    const store = await Store.open(path, { clock: new VirtualTime().clock(() => true), log: () => {} });
    await store.close();
    await servicesOf(80); // loads the list of services: within a sequence that would take real time
    return new Simulator(folder, Deno.readFileSync(path));
  }

  /** Runs a sequence. */
  async run({ seed, steps, invariants = INVARIANTS, tamper }: SequenceOptions): Promise<Outcome> {
    const random = new Random(mix(seed, 0));
    const settings = drawSettings(random);
    const numbers = steps ?? Array.from({ length: stepsOf(random) }, (_, i) => i);
    const world = new World(settings, { seed, folder: this.#folder, template: this.#template, tamper });
    this.#disks.use(world.disk);
    const ids = new Random(mix(seed, 2));
    crypto.getRandomValues = (array) => {
      if (array instanceof Uint8Array) { for (let i = 0; i < array.length; i++) array[i] = ids.next(); }
      return array;
    };
    // The real one works on another thread, in time that is not simulated.
    crypto.subtle.digest = (_, data) => Promise.resolve(sha256(data));
    // The daemon ends a turn of the loop that takes too long; here turns take no time.
    performance.now = () => world.time.monotonic;
    // The store lets the loop do other work by a timer of 0 ms, which takes real time; here a turn of the loop does it.
    const realTimer = this.#setTimeout,
      timer = (callback: () => void, ms = 0) => ms === 0 ? setImmediate(callback) : realTimer(callback, ms);
    globalThis.setTimeout = timer as unknown as typeof setTimeout;
    const trace: string[] = [];
    const onUncaught = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      world.uncaught.push(event.reason);
    };
    globalThis.addEventListener("unhandledrejection", onUncaught);
    try {
      await world.start();
      const failure = await play(world, { seed, numbers, invariants, trace }).catch(asFailure);
      return { failure, steps: numbers.slice(0, trace.length), trace };
    } finally {
      await world.dispose();
      globalThis.removeEventListener("unhandledrejection", onUncaught);
      this.#disks.use(undefined);
      crypto.getRandomValues = this.#getRandomValues;
      crypto.subtle.digest = this.#digest;
      performance.now = this.#now;
      globalThis.setTimeout = this.#setTimeout;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disks[Symbol.dispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function sha256(data: BufferSource): ArrayBuffer {
  return new Uint8Array(createHash("sha256").update(data as Uint8Array).digest()).buffer;
}

function asFailure(error: unknown): Failure {
  if (error instanceof StuckError) return { invariant: STUCK.name, detail: error.message };
  throw error;
}

interface Play {
  readonly seed: number;
  readonly numbers: readonly number[];
  readonly invariants: readonly Invariant[];
  readonly trace: string[];
}

async function play(world: World, { seed, numbers, invariants, trace }: Play): Promise<Failure | undefined> {
  const judge = (when: "step" | "rest"): Failure | undefined => {
    world.observe();
    for (const { name, step, rest } of invariants) {
      const detail = step?.(world) ?? (when === "rest" ? rest?.(world) : undefined);
      if (detail !== undefined) return { invariant: name, detail };
    }
    world.remember();
  };
  const take = async (number: number, step: (random: Random) => Promise<string>, when: "step" | "rest") => {
    world.step++;
    const words = await step(new Random(mix(seed, number + 100)));
    await world.drain();
    const failure = judge(when);
    trace.push([words, ...world.change.answered.map((operation) => operation.result)].join("; "));
    return failure;
  };
  world.remember();
  for (const number of numbers) {
    const failure = await take(number, (random) => takeStep(world, random), "step");
    if (failure !== undefined) return failure;
  }
  const endings: readonly (readonly ["step" | "rest", (random: Random) => Promise<string>])[] = [
    ["rest", (random) => rest(world, random, 0)],
    ["rest", (random) => rest(world, random, world.settings.cooldownMs + 1)],
    ["step", async (random) => {
      await world.crash("power", random);
      return "the power fails";
    }],
    ["rest", (random) => rest(world, random, 0)],
  ];
  for (const [i, [when, step]] of endings.entries()) {
    const failure = await take(100_000 + i, step, when);
    if (failure !== undefined) return failure;
  }
}

/** Nothing fails and nothing is slow any more: everything that can end does end. */
async function rest(world: World, random: Random, ms: number): Promise<string> {
  world.disk.failingCommits = 0;
  world.kernel.isOutOfDescriptors = false;
  await world.settle();
  await world.time.advance(ms, random, world.drain);
  for (let looks = 0; looks < 2; looks++) {
    if (world.look === undefined) beginLook(world);
    await world.settle();
    for (let next = nextSoon(world); next !== undefined; next = nextSoon(world)) {
      await world.time.advance(next - world.time.monotonic, random, world.drain);
      await world.settle();
    }
  }
  return `rest${ms === 0 ? "" : ` after ${ms} ms`}: the system answers everything, the watch looks`;
}

/** When the daemon goes on with what it has put off until its next turn, or for a moment. */
function nextSoon({ time }: World): number | undefined {
  return time.nextTimer !== undefined && time.nextTimer <= time.monotonic + MOMENT_MS ? time.nextTimer : undefined;
}

function stepsOf(random: Random): number {
  return random.pick([15, 30, 60]) + random.below(20);
}

/** @returns `undefined` where there is no such folder, or it is not for everybody. */
function makeFolder(dir: string): string | undefined {
  try {
    return Deno.makeTempDirSync({ dir, prefix: "portd-simulation-" });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
