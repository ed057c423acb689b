/** The mappings that portd has at routers, in memory and in the file. Nothing is at a router that is not in both. */
import { type Entry, leavingEntry, loadedEntry, type Times } from "./entry.ts";
import { type MappingFile, wishKey } from "./record.ts";

/** How many mappings are remembered at most, those included that the router has not deleted yet. */
export const MOST_MAPPINGS = 4096;

/** What a {@linkcode MappingTable} is made of. */
export interface MappingTableParts {
  readonly file: MappingFile;
  readonly clock: Times;
  /** Called when a change that nobody waits for is not in the file. */
  readonly onFault: (error: unknown) => void;
}

/** Keeps entries by their nonce. */
export class MappingTable {
  readonly #parts: MappingTableParts;
  readonly #entries: Map<string, Entry>;

  /** Reads what an earlier run has left. */
  constructor(parts: MappingTableParts) {
    this.#parts = parts;
    const { file, clock } = parts;
    this.#entries = new Map(file.read().map((record) => [record.nonce, loadedEntry(record, clock)]));
    const current = new Set<string>();
    for (const entry of this.#entries.values()) {
      const key = wishKey(entry.record);
      // A lease has one of each kind: of two, one was to be deleted, and the file could not be told so.
      if (current.has(key)) this.touch(leavingEntry(entry, clock));
      else if (entry.record.leavingAt === null) current.add(key);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  get(nonce: string): Entry | undefined {
    return this.#entries.get(nonce);
  }

  /** Adds or replaces an entry when its record is on the disk. @throws {PortdError} `store_unavailable` */
  async put(entry: Entry): Promise<void> {
    await this.#parts.file.put([entry.record]);
    this.#entries.set(entry.record.nonce, entry);
  }

  /** Replaces entries at once; their records follow, before any that is put later. */
  replace(entries: readonly Entry[]): void {
    for (const entry of entries) this.#entries.set(entry.record.nonce, entry);
    const { file, onFault } = this.#parts;
    // What the router has is in the file in any case: a record that is older is asked for again after a crash.
    file.put(entries.map(({ record }) => record)).catch(onFault);
  }

  /** Changes what is only in memory. */
  touch(entry: Entry): void {
    this.#entries.set(entry.record.nonce, entry);
  }

  /** Forgets an entry. @throws {PortdError} `store_unavailable`; then it stays. */
  async remove({ record: { nonce } }: Entry): Promise<void> {
    await this.#parts.file.remove(nonce);
    this.#entries.delete(nonce);
  }
}
