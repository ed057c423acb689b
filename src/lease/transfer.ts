/** Moving leases in and out: what an export has written, an import takes in again, here or elsewhere. */
import type { Clock } from "../clock.ts";
import { PortdError } from "../errors.ts";
import type { Processes } from "../process/process.ts";
import { isoInstant, type LeaseRecord } from "../store/record.ts";
import type { Store } from "../store/store.ts";
import type { HoldKind, Lease, Lifetime, Protocol } from "./lease.ts";
import type { Registry } from "./registry.ts";

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
  async export(): Promise<ExportDocument> {
    const { registry, clock, names } = this.#parts;
    await registry.settled();
    const leases = [...registry.table.all()].map((record) => registry.present(record)).sort((a, b) =>
      a.id < b.id ? -1 : 1
    );
    return { version: 1, exportedAt: isoInstant(clock.now()), leases, names: Object.fromEntries(names) };
  }

  /**
   * Takes leases in, each for itself: what cannot be had (its port is in use, its name is leased, its id is known) is
   * skipped with the reason. Ports of names are remembered where the name is not known yet.
   */
  async import(leases: readonly TransferredLease[], names: Readonly<Record<string, number>>): Promise<Imported> {
    const imported: string[] = [], skipped: { id: string; code: string; detail: string }[] = [];
    for (const lease of leases) {
      try {
        await this.#importOne(lease);
        imported.push(lease.id);
      } catch (error) {
        if (!(error instanceof PortdError) || error.code === "store_unavailable") throw error;
        skipped.push({ id: lease.id, code: error.code, detail: error.message });
      }
    }
    await this.#importNames(names);
    return { imported, skipped };
  }

  async #importOne(lease: TransferredLease): Promise<void> {
    const { registry, store } = this.#parts;
    if (registry.table.byId(lease.id) !== undefined || store.find(lease.id) !== undefined) {
      throw new PortdError("lease_exists", `Cannot import lease ${lease.id}: it stands in the file already`);
    }
    await registry.import(this.#toRecord(lease));
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

  async #importNames(names: Readonly<Record<string, number>>): Promise<void> {
    const fresh = Object.entries(names).filter(([name]) => !this.#parts.names.has(name));
    if (fresh.length === 0) return;
    await this.#parts.store.write(fresh.map(([name, port]) => ({ kind: "name", name, port }) as const));
    for (const [name, port] of fresh) this.#parts.names.set(name, port);
  }
}
