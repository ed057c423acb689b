/** Moving leases in and out: what an export has written, an import takes in again, here or elsewhere. */
import { type Clock, isoInstant } from "../clock.ts";
import { PortdError } from "../errors.ts";
import type { HoldKind } from "../hold/hold.ts";
import type { Protocol } from "../port/port.ts";
import type { Processes } from "../process/process.ts";
import type { Lease, Lifetime } from "./lease.ts";
import { MOST_NAMES } from "./names.ts";
import type { LeaseRecord } from "./record.ts";
import type { Registry } from "./registry.ts";
import { type Store, WriteError } from "./store/store.ts";

/** A lease as an import brings it. */
export interface TransferredLease {
  readonly id: string;
  readonly name: string | null;
  readonly project: string | null;
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly holder: { readonly id: string };
  readonly lifetime: Lifetime;
  readonly hold: HoldKind;
  readonly labels: Readonly<Record<string, string>>;
  readonly grantedAt: string;
  readonly renewedAt: string;
  readonly expiresAt: string | null;
}

/** The whole file for people and other machines. */
export interface ExportDocument {
  readonly version: 1;
  readonly exportedAt: string;
  readonly leases: readonly Lease[];
  readonly names: Readonly<Record<string, number>>;
}

/** What came of an import, lease by lease. */
export interface Imported {
  /** Ids. */
  readonly imported: readonly string[];
  readonly skipped: readonly { readonly id: string; readonly code: string; readonly detail: string }[];
}

/** What a {@linkcode Transfer} works on. */
export interface TransferParts {
  readonly registry: Registry;
  readonly store: Store;
  readonly processes: Processes;
  readonly clock: Clock;
  /** The port that each name had last. */
  readonly names: Map<string, number>;
}

/** Export and import. */
export class Transfer {
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** The live leases and the ports of all names. */
  export(): ExportDocument {
    const { registry, clock, names } = this.#parts;
    const leases = [...registry.written()].map((record) => registry.present(record)).sort((a, b) =>
      a.id < b.id ? -1 : 1
    );
    return { version: 1, exportedAt: isoInstant(clock.now()), leases, names: Object.fromEntries(names) };
  }

  /**
   * Takes leases in, each for itself: what cannot be had (its port is in use, its name is leased, its id is known) is
   * skipped with the reason; the others are one transaction. Ports of names are remembered where the name is not known
   * yet and there is room: of an import it is not known how old it is, so it takes the place of no name that was granted
   * here.
   *
   * @throws {PortdError} `store_unavailable`; then nothing of it is taken in.
   */
  async import(leases: readonly TransferredLease[], imported: Readonly<Record<string, number>>): Promise<Imported> {
    const { registry, names } = this.#parts;
    const known = leases.filter((lease, i) =>
      this.#isKnown(lease.id) || leases.findIndex(({ id }) => id === lease.id) < i
    );
    const records = leases.filter((lease) => !known.includes(lease)).map((lease) => this.#toRecord(lease));
    const fresh = Object.entries(imported).filter(([name]) => !names.has(name)).slice(0, MOST_NAMES - names.size);
    for (const [name, port] of fresh) names.set(name, port); // at once, as a grant may come before it is on disk
    try {
      const refused = await registry.import(records, fresh.map(([name, port]) => ({ kind: "name", name, port })));
      const skipped = leases.flatMap((lease) => {
        const error = known.includes(lease) ? alreadyThere(lease) : refused.get(lease.id);
        return error === undefined ? [] : [{ id: lease.id, code: codeOf(error), detail: error.message }];
      });
      return { imported: records.map(({ id }) => id).filter((id) => !refused.has(id)), skipped };
    } catch (error) {
      const isCommitted = error instanceof WriteError && error.isCommitted;
      // A name that was granted meanwhile has been written again, by the grant.
      if (!isCommitted) { for (const [name, port] of fresh) if (names.get(name) === port) names.delete(name); }
      throw error;
    }
  }

  #isKnown(id: string): boolean {
    const { registry, store } = this.#parts;
    return registry.table.byId(id) !== undefined || store.find(id) !== undefined;
  }

  #toRecord({ holder, grantedAt, renewedAt, expiresAt, ...lease }: TransferredLease): LeaseRecord {
    const { clock, processes } = this.#parts;
    const end = expiresAt === null ? null : clock.monotonic() + Date.parse(expiresAt) - clock.now();
    const needsEnd = lease.lifetime.kind === "listener" || lease.lifetime.kind === "process";
    const grace = "graceMs" in lease.lifetime ? lease.lifetime.graceMs : 0;
    return {
      ...lease,
      version: 0,
      state: "granted",
      // Processes and listeners of another machine or boot prove nothing here.
      holder: { id: holder.id, pid: null, startTime: null, bootId: null, command: null, cwd: null, user: null },
      owner: null, // who imports has the token
      listener: null,
      exposure: null,
      claimed: false,
      grantedAt: Date.parse(grantedAt),
      renewedAt: Date.parse(renewedAt),
      endedAt: null,
      deadline: end ?? (needsEnd ? clock.monotonic() + grace : null),
      bootId: processes.bootId,
    };
  }
}

function alreadyThere({ id }: TransferredLease): PortdError {
  return new PortdError("lease_exists", `Cannot import lease ${id}: it stands in the file already`);
}

function codeOf(error: Error): string {
  if (error instanceof PortdError) return error.code;
  throw error;
}
