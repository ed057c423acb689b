/** No port and no name with two leases, and a table and a pool that agree with themselves. */
import type { LeaseRecord } from "../../../src/lease/record.ts";
import type { World } from "../world.ts";
import { firstOf, type Invariant } from "./invariant.ts";

const PROTOCOLS = ["tcp", "udp"] as const;

export const PORTS: Invariant = {
  name: "ports",
  promise: "Never two holders of one port, in memory, in the file or in answers",
  step(world) {
    return twice(world.run.records(), endpointsOf, "port") ?? twiceInAnswers(world);
  },
  rest: ({ run }) => twice(run.stored(), endpointsOf, "port in the file"),
};

export const NAMES: Invariant = {
  name: "names",
  promise: "A name has one live lease",
  step: ({ run }) => twice(run.records(), nameOf, "name"),
  rest: ({ run }) => twice(run.stored(), nameOf, "name in the file"),
};

export const INDEX: Invariant = {
  name: "index",
  promise: "A live lease is found by its id, its name and its port",
  step({ run }) {
    return firstOf(run.records(), (record) => {
      const { id, name, port, protocols } = record;
      if (run.byId(id) !== record) return `lease ${id} is not found by its id`;
      if (name !== null && run.byName(name) !== record) return `lease ${id} is not found by its name "${name}"`;
      const lost = protocols.find((protocol) => run.byPort(port, protocol) !== record);
      return lost === undefined ? undefined : `lease ${id} is not found by its port ${lost}:${port}`;
    });
  },
};

export const ACCOUNTS: Invariant = {
  name: "accounts",
  promise: "A port of the pool is leased, cools down, or is free",
  step({ run, settings }) {
    const leased = new Set(run.records().flatMap(endpointsOf));
    return firstOf(settings.pool.flatMap((port) => PROTOCOLS.map((protocol) => [port, protocol] as const)), (place) => {
      const [port, protocol] = place,
        isLeased = leased.has(`${protocol}:${port}`),
        isFree = run.isFree(port, [protocol]);
      if (isLeased && isFree) return `${protocol}:${port} is leased, and the pool would give it`;
      return !isLeased && !isFree && !run.isCooling(port)
        ? `${protocol}:${port} is neither leased nor cooling down, and the pool does not give it`
        : undefined;
    });
  },
};

/** After each answer: no two leases whose grant was answered, and whose end was not, have the same port. */
function twiceInAnswers({ book, change }: World): string | undefined {
  const kept = [...book.leases.values()].filter((known) =>
    known.acknowledgedAt !== undefined && known.overAt === undefined && !known.isGone && book.isKept(known)
  );
  return change.answered.length === 0 ? undefined : twice(kept, endpointsOf, "acknowledged port");
}

function twice<T extends { readonly id: string }>(
  leases: readonly T[],
  keysOf: (lease: T) => readonly string[],
  what: string,
): string | undefined {
  const seen = new Map<string, string>();
  for (const lease of leases) {
    for (const key of keysOf(lease)) {
      const other = seen.get(key);
      if (other !== undefined) return `the ${what} ${key} has two live leases, ${other} and ${lease.id}`;
      seen.set(key, lease.id);
    }
  }
}

function endpointsOf({ port, protocols }: Pick<LeaseRecord, "port" | "protocols">): string[] {
  return protocols.map((protocol) => `${protocol}:${port}`);
}

function nameOf({ name }: LeaseRecord): string[] {
  return name === null ? [] : [name];
}
