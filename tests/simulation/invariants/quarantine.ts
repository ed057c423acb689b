/** Ports that cool down: others are taken first, and the cool-down ends. */
import type { Known } from "../book.ts";
import type { WishedPort } from "../operation.ts";
import type { Freed, World } from "../world.ts";
import { firstOf, type Invariant } from "./invariant.ts";

export const COOLING_KEPT: Invariant = {
  name: "cooling kept",
  promise: "A freed port goes to nobody but its name while it cools down and others are free",
  step: (world) =>
    firstOf(
      world.change.appeared,
      (known) =>
        firstOf(
          known.protocols,
          (protocol) => tooSoon(known, world.freedBefore.get(`${protocol}:${known.port}`), world),
        ),
    ),
};

export const COOLING_ENDS: Invariant = {
  name: "cooling ends",
  promise: "A port that was freed can be had again after the cool-down, whatever the wall clock does",
  step(world) {
    const since = noteOf(world, "cooling since", () => new Map<number, number>());
    const { gone, appeared, answered } = world.change;
    // A lease that was granted and has ended within this step is neither gone nor new, but somebody was answered with it.
    const touched = new Set(
      [...gone, ...appeared, ...answered.flatMap(({ leases }) => leases)].map(({ port }) => port),
    );
    if (world.change.isRestarted) since.clear();
    return firstOf(world.settings.pool, (port) => {
      const isQuiet = world.run.isCooling(port) && !touched.has(port) &&
        ["tcp", "udp"].every((protocol) => !world.kernel.servers.has(`${protocol}:${port}`)) &&
        (["tcp", "udp"] as const).every((protocol) => world.run.byPort(port, protocol) === undefined);
      if (!isQuiet) {
        since.delete(port);
        return undefined;
      }
      if (!since.has(port)) since.set(port, world.time.monotonic);
      const waited = (world.lookedAt ?? 0) - since.get(port)!;
      return waited > world.settings.cooldownMs
        ? `port ${port} is withheld ${waited} ms after it could be had, the cool-down is ${world.settings.cooldownMs} ms`
        : undefined;
    });
  },
};

function tooSoon({ port, name, family, protocols }: Known, freed: Freed | undefined, world: World): string | undefined {
  const { time, settings } = world;
  if (freed === undefined || time.monotonic >= freed.at + settings.cooldownMs) return undefined;
  if (freed.name !== null && freed.name === name) return undefined;
  const grant = family === undefined ? undefined : world.book.operations[family]!.plan.grant;
  if (grant === undefined || grant.contiguous || !grant.wishes.every((wish) => isDynamic(wish, port))) return undefined;
  const taken = new Set(world.change.appeared.map((known) => known.port));
  const range = grant.wishes[0]!.range;
  const other = settings.pool.find((each) =>
    !taken.has(each) && (range === undefined || (each >= range.first && each <= range.last)) &&
    protocols.every((protocol) => world.freeBefore.has(`${protocol}:${each}`)) && world.canGive(each, protocols)
  );
  return other === undefined
    ? undefined
    : `port ${port} was granted ${time.monotonic - freed.at} ms after it was freed, though ${other} is free`;
}

function isDynamic({ port, prefer, pool }: WishedPort, granted: number): boolean {
  return (port ?? 0) === 0 && pool === "default" && !prefer.includes(granted);
}

function noteOf<T>({ notes }: World, name: string, make: () => T): T {
  if (!notes.has(name)) notes.set(name, make());
  return notes.get(name) as T;
}
