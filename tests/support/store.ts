/** A file of leases, and leases to be put into it. */
import type { Holder } from "../../src/lease/lease.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import { Store, type StoredAnswer, type StoreOptions } from "../../src/lease/store/store.ts";
import { FakeClock } from "./clock.ts";
import { temporaryFolder } from "./folder.ts";

/** A live lease with everything left out. */
export function record(id: string, port: number, part: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    id: id.padStart(26, "0"),
    version: 0,
    name: null,
    project: null,
    port,
    protocols: ["tcp"],
    state: "granted",
    holder: { id: "test", pid: null, startTime: null, bootId: null, command: null, cwd: null, user: null },
    lifetime: { kind: "pinned" },
    hold: "soft",
    labels: {},
    owner: null,
    listener: null,
    exposure: null,
    claimed: false,
    grantedAt: 1,
    renewedAt: 1,
    endedAt: null,
    deadline: null,
    bootId: "boot",
    ...part,
  };
}

/** A live lease that is named after its id, as its holder is; everything else is left out. */
export function leaseOf(id: string, holder: Partial<Holder> = {}, part: Partial<LeaseRecord> = {}): LeaseRecord {
  const lease = record(id, 1, { name: `${id}/web`, project: id, hold: "none", bootId: "b", ...part });
  return { ...lease, id, holder: { ...lease.holder, id: `cli:/${id}`, ...holder } };
}

/** The insertion of a lease. */
export const insert = (lease: LeaseRecord) => [{ kind: "insert", record: lease }] as const;

/** Opens the file; again, it does so as a restart does. What is open at the end of the test is closed. */
export type OpenStore = (options?: Partial<StoreOptions>) => Promise<Store>;

/** Declares a test of a file of its own, over a clock that stands still. */
export function storeTest(
  name: string,
  run: (open: OpenStore, path: string, clock: FakeClock) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/leases.db`, clock = new FakeClock();
    const opened = new Set<Store>();
    const open: OpenStore = async (options) => {
      const store = await Store.open(path, { clock, log() {}, ...options }), close = store.close.bind(store);
      opened.add(store);
      store.close = () => {
        opened.delete(store);
        return close();
      };
      return store;
    };
    await run(open, path, clock);
    for (const store of opened) await store.close();
  });
}

/** Grants and ends a lease, and keeps an answer with it whose key is the id. */
export async function pass(
  store: Store,
  id: string,
  { caller = "unknown", ...part }: Partial<LeaseRecord & Pick<StoredAnswer, "caller">>,
): Promise<void> {
  const lease = record(id, 3000, { ...part, endedAt: null });
  const answer = { caller, key: id, fingerprint: "f", status: 201, leaseIds: [lease.id] };
  await store.write([...insert(lease), { kind: "answer", answer }]);
  await store.write([{ kind: "end", record: { ...lease, state: "released", endedAt: part.endedAt ?? 1 } }]);
}

/** Fills the history with so many leases, of which each ended a millisecond after the one before. */
export async function fillHistory(store: Store, count: number, part: Partial<LeaseRecord> = {}): Promise<void> {
  const changes = Array.from({ length: count }, (_, i) => {
    const lease = record(String(i), 3000, part);
    return [...insert(lease), { kind: "end", record: { ...lease, state: "released", endedAt: i } } as const];
  });
  await store.write(changes.flat());
}
