/** What refusals of ports are made from: they name the lease, the program or the range that is in the way. */
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { excluderOf } from "../lease/exclusion.ts";
import type { Lease } from "../lease/lease.ts";
import { toLease } from "../lease/record.ts";
import { Refusals } from "../lease/refusal.ts";
import type { Store } from "../lease/store/store.ts";
import type { Scanner } from "../listener/listener.ts";
import type { PortRules } from "../os/port_rules.ts";
import type { SocketRow } from "../os/socket.ts";
import { isWithin, type Protocol, rangeText } from "../port/port.ts";
import type { Machine } from "./machine.ts";

/** What {@linkcode openRefusals} asks. */
interface RefusalSources extends Pick<Machine, "scanner" | "processes" | "findUnused" | "hasRights"> {
  readonly config: Pick<Config, "pool" | "exclude">;
  readonly clock: Clock;
  readonly store: Pick<Store, "find">;
  readonly rules: Pick<PortRules, "current">;
}

/** The refusals of a daemon. */
export function openRefusals(sources: RefusalSources): Refusals {
  const { config, store, clock, scanner, processes, findUnused, hasRights, rules } = sources;
  return new Refusals({
    processes,
    findUnused,
    excluderOf: (port) => isWithin(config.exclude, port) ? "the configuration" : excluderOf(port, rules.current),
    poolText: config.pool.map(rangeText).join(","),
    privilegedBelow: hasRights ? 0 : rules.current.unprivilegedFrom,
    kernelPid: rules.current.kernelPid,
    findListener: (port, protocol) => findListener(scanner, port, protocol),
    findEnded(id): Lease | undefined {
      const record = store.find(id);
      return record === undefined || record.endedAt === null ? undefined : toLease(record, clock);
    },
  });
}

/** A socket that uses a port: a listener before any other. */
async function findListener(scanner: Scanner, port: number, protocol: Protocol): Promise<SocketRow | undefined> {
  const rows = await scanner.socketsOn({ port, protocol });
  const row = rows.find(({ state }) => state === "LISTEN") ?? rows[0];
  return row === undefined ? undefined : (await scanner.identify([row]))[0];
}
