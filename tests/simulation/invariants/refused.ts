/** A refusal leaves nothing behind, and several ports come all or none. */
import type { Known } from "../book.ts";
import type { World } from "../world.ts";
import { firstOf, type Invariant } from "./invariant.ts";

export const REFUSED: Invariant = {
  name: "refused",
  promise: "Whoever was refused owns nothing",
  step: ({ run, book }) =>
    firstOf(run.records(), ({ id, port }) => {
      const { family } = book.leases.get(id)!;
      if (family === undefined) return undefined;
      const calls = book.family(family);
      return calls.every(({ state }) => state === "refused")
        ? `lease ${id} on port ${port} is live, and ${calls.join(", ")}`
        : undefined;
    }),
};

export const ALL_OR_NOTHING: Invariant = {
  name: "all or nothing",
  promise: "Several ports are granted all or none, those of a block in a row",
  step(world) {
    const families = Map.groupBy(world.change.appeared, ({ family }) => family);
    return firstOf(families, ([family, leases]) => family === undefined ? undefined : partOf(family, leases, world));
  },
};

function partOf(family: number, leases: readonly Known[], { book, run, change }: World): string | undefined {
  const operation = book.operations[family]!, { grant } = operation.plan;
  if (grant === undefined) return undefined;
  const present = grant.wishes.filter(({ name }) => {
    if (name === null) return false;
    const record = run.byName(name);
    if (record !== undefined) return !leases.some(({ id }) => id === record.id);
    return change.gone.some((known) => known.name === name); // taken back since: what was asked for will fail too
  });
  if (leases.length + present.length !== grant.wishes.length) {
    return `${operation} asked for ${grant.wishes.length} ports and has ${leases.length}`;
  }
  if (!grant.contiguous || present.length > 0) return undefined;
  const ports = leases.map(({ port }) => port).sort((a, b) => a - b);
  const isInRow = ports.every((port, i) => port === ports[0]! + i);
  return isInRow ? undefined : `${operation} asked for a block and has ${ports.join(", ")}`;
}
