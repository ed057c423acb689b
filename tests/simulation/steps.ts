/** One step of a sequence: something that a client, the system or an operator does, or that time passes. */
import type { Random } from "../support/random.ts";
import { planCall } from "./calls.ts";
import type { StepKind } from "./settings.ts";
import type { World } from "./world.ts";

/** Takes a step. @returns what it was, in words. */
export async function takeStep(world: World, random: Random): Promise<string> {
  const words = await STEPS[random.weighted(world.settings.steps)](world, random);
  if (world.pending.size > 0 && random.chance(world.settings.quickDisk)) {
    return `${words}; then ${world.pending.settle(0)} is done`;
  }
  return words;
}

type Step = (world: World, random: Random) => string | Promise<string>;

const STEPS: Readonly<Record<StepKind, Step>> = {
  call(world, random) {
    const plan = planCall(random.weighted(world.settings.calls), world, random);
    return plan === undefined ? "nothing" : `call ${world.begin(plan).number}: ${plan.words}`;
  },
  async turn(world) {
    await world.turn();
    return "the loop turns: what is queued is committed";
  },
  answer({ pending }, random) {
    return pending.size === 0 ? "nothing" : `${pending.settle(random.below(pending.size))} is done`;
  },
  fault,
  async time(world, random) {
    const ms = drawTime(world, random);
    await world.time.advance(ms, random, world.drain);
    return `${ms} ms pass`;
  },
  look(world) {
    if (world.look !== undefined) return "nothing";
    beginLook(world);
    return "the watch looks";
  },
  server,
  process({ kernel }, random) {
    const pid = 100 + random.below(4);
    if (kernel.processes.has(pid) && random.chance(0.6)) {
      kernel.end(pid);
      return `process ${pid} ends`;
    }
    kernel.end(pid);
    kernel.start(pid);
    return `a process starts as ${pid}`;
  },
  abort({ book }, random) {
    const { pending } = book;
    if (pending.length === 0) return "nothing";
    const operation = random.pick(pending);
    operation.controller.abort();
    return `the client of call ${operation.number} leaves`;
  },
  async crash(world, random) {
    const kind = random.weighted({ kill: 3, power: 5, reboot: 1 });
    await world.crash(kind, random);
    return `crash: ${kind}`;
  },
  async restart(world) {
    await world.restart();
    return "the daemon stops and starts again";
  },
  wall({ time }, random) {
    const hours = random.pick([-2, -1, 1, 2]);
    time.wall += hours * 3_600_000;
    return `somebody sets the clock by ${hours} h`;
  },
};

/** Begins a look of the watch. In the daemon its errors are only logged. */
export function beginLook(world: World): void {
  const { run } = world, began = world.time.monotonic;
  const done = () => {
    if (world.look !== look) return;
    world.look = undefined;
    world.lookedAt = began;
  };
  const look: Promise<void> = run.look();
  world.look = look;
  look.then(done, () => {
    if (world.look === look) world.look = undefined;
  });
}

function fault({ disk, pending, kernel }: World, random: Random): string {
  const place = pending.findFallible();
  switch (random.weighted({ sync: 3, commit: 4, descriptors: 1 })) {
    case "sync":
      if (place < 0) return "nothing";
      disk.failedSyncs++;
      pending.settle(place, new Error("Input/output error (os error 5)"));
      return "a sync fails";
    case "commit":
      disk.failingCommits = disk.failingCommits > 0 ? 0 : random.pick([1, 1, 2, 20]);
      return `the next ${disk.failingCommits} commits fail`;
    case "descriptors":
      kernel.isOutOfDescriptors = !kernel.isOutOfDescriptors;
      return kernel.isOutOfDescriptors ? "no descriptor is left" : "there are descriptors again";
  }
}

function drawTime({ time, settings }: World, random: Random): number {
  switch (random.weighted({ timer: 4, second: 3, cooldown: 3, minute: 2, long: 1 })) {
    case "timer":
      return time.nextTimer === undefined ? 1 : Math.max(0, time.nextTimer - time.monotonic);
    case "second":
      return 1000;
    case "cooldown":
      return Math.round(settings.cooldownMs * random.pick([0.5, 1]));
    case "minute":
      return 61_000;
    case "long":
      return 1_200_000;
  }
}

function server({ kernel, settings, run }: World, random: Random): string {
  const { servers, processes } = kernel;
  if (servers.size > 0 && random.chance(0.4)) {
    const key = random.pick([...servers.keys()]);
    servers.delete(key);
    return `the server on ${key} ends`;
  }
  const leased = run.records().map(({ port }) => port);
  const port = random.pick([...settings.pool, ...settings.ephemeral, ...leased]);
  const protocol = random.chance(0.8) ? "tcp" : "udp";
  const pid = random.pick([...processes.keys(), 99]);
  if (!processes.has(pid)) kernel.start(pid);
  const isListening = kernel.listen({ protocol, port }, { pid, reuse: random.chance(0.7) });
  return `a server of process ${pid} ${isListening ? "listens" : "cannot listen"} on ${protocol}:${port}`;
}
