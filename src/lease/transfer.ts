/** Export and import of leases: an import reads what an export has written, here or on another machine. */
import { type Clock, isoInstant } from "../clock.ts";
import { PortdError } from "../errors.ts";
import { NO_EVIDENCE, type Processes } from "../process/process.ts";
import type { ImportOutcome, LeaseDocument, TransferredLease } from "./lease_document.ts";
import { MOST_NAMES } from "./ledger.ts";
import type { LeaseRecord } from "./record.ts";
import type { Registry } from "./registry.ts";
import { type Store, WriteError } from "./store/store.ts";

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
  export(): LeaseDocument {
    const { registry, clock, names } = this.#parts;
    const leases = [...registry.written()].map((record) => registry.present(record)).sort((a, b) =>
      a.id < b.id ? -1 : 1
    );
    return { version: 1, exportedAt: isoInstant(clock.now()), leases, names: Object.fromEntries(names) };
  }

  /**
   * Adds leases. Each that is not possible (its port is in use, its name is leased, its id exists) is skipped with the
   * reason; the others are one transaction. The ports of names are remembered as far as the names are new and there is
   * room: an import may be old, so it does not replace the port of a name that was granted here.
   *
   * @throws {PortdError} `store_unavailable`; then nothing is added.
   */
  async import(
    leases: readonly TransferredLease[],
    imported: Readonly<Record<string, number>>,
  ): Promise<ImportOutcome> {
    const { registry, names } = this.#parts;
    const known = leases.filter((lease, i) =>
      this.#isKnown(lease.id) || leases.findIndex(({ id }) => id === lease.id) < i
    );
    const records = leases.filter((lease) => !known.includes(lease)).map((lease) => this.#toRecord(lease));
    const fresh = Object.entries(imported).filter(([name]) => !names.has(name)).slice(0, MOST_NAMES - names.size);
    for (const [name, port] of fresh) names.set(name, port); // at once: a grant may come before it is on disk
    try {
      const refused = await registry.import(records, fresh.map(([name, port]) => ({ kind: "name", name, port })));
      const skipped = leases.flatMap((lease) => {
        const error = known.includes(lease) ? alreadyThere(lease) : refused.get(lease.id);
        return error === undefined ? [] : [{ id: lease.id, code: codeOf(error), detail: error.message }];
      });
      return { imported: records.map(({ id }) => id).filter((id) => !refused.has(id)), skipped };
    } catch (error) {
      const isCommitted = error instanceof WriteError && error.isCommitted;
      // The port of a name that was granted meanwhile was written by the grant.
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
      holder: { ...NO_EVIDENCE, id: holder.id }, // processes of another machine or boot prove nothing here
      owner: null, // an import takes the token
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
  return new PortdError("lease_exists", `Cannot import lease ${id}: it is in the file already`);
}

function codeOf(error: Error): string {
  if (error instanceof PortdError) return error.code;
  throw error;
}
