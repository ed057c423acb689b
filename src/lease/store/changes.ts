/** The changes of the file, and how each of them is made. */
import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import { PortdError } from "../../errors.ts";
import type { MappingRecord } from "../../gateway/record.ts";
import type { LeaseRecord } from "../record.ts";
import { mappingValues } from "./mapping_rows.ts";
import type { Added } from "./retention.ts";
import { listenerText, toValues } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** A granted request with an Idempotency-Key. Its answer is made from its leases. */
export interface StoredAnswer {
  /** Whose key it is. */
  readonly caller: string;
  readonly key: string;
  /** Digest of the request. */
  readonly fingerprint: string;
  readonly status: number;
  /** In the order of the answer. */
  readonly leaseIds: readonly string[];
}

/** One change of the file. */
export type Change =
  | { readonly kind: "insert"; readonly record: LeaseRecord }
  | { readonly kind: "update"; readonly record: LeaseRecord }
  | { readonly kind: "end"; readonly record: LeaseRecord }
  | { readonly kind: "name"; readonly name: string; readonly port: number }
  | { readonly kind: "forgetName"; readonly name: string }
  | { readonly kind: "answer"; readonly answer: StoredAnswer }
  | { readonly kind: "mapping"; readonly mapping: MappingRecord }
  | { readonly kind: "forgetMapping"; readonly nonce: string }
  | { readonly kind: "lineLook"; readonly text: string };

/** Changes that did not reach the disk. */
export class WriteError extends PortdError {
  override readonly name = "WriteError";
  /**
   * Whether they are in the file nevertheless, as far as this process can see: the disk has failed after the commit, so
   * nobody knows what a restart will find. Otherwise nothing of them is left.
   */
  readonly isCommitted: boolean;

  constructor(message: string, isCommitted: boolean, options?: ErrorOptions) {
    super("store_unavailable", message, { retryAfter: 5 }, options);
    this.isCommitted = isCommitted;
  }
}

/** Characters in the id of a lease. */
const ID_LENGTH = 26;

/** The ids in the column `lease_ids`. */
export function splitIds(text: string): string[] {
  return Array.from({ length: text.length / ID_LENGTH }, (_, i) => text.slice(i * ID_LENGTH, (i + 1) * ID_LENGTH));
}

/**
 * Makes one change within a transaction.
 *
 * @returns what it adds to the history or to the kept answers.
 * @throws {Error} when it is not possible: a port that is leased, a lease that is not live.
 */
export function apply(change: Change, statements: Statements, clock: Clock): Added | undefined {
  switch (change.kind) {
    case "insert":
      statements.insert.run(...toValues(change.record, wallClockEnd(change.record, clock)));
      break;
    case "update": {
      const [id, ...values] = toValues(change.record, wallClockEnd(change.record, clock));
      expectOne(statements.update.run(...values, id!, change.record.version));
      break;
    }
    case "end": {
      const { state, endedAt, id } = change.record;
      const bytes = leaseBytes(change.record);
      expectOne(statements.end.run(state, endedAt, bytes, listenerText(change.record), id));
      return { kind: "ended", bytes };
    }
    case "name":
      statements.name.run(change.name, change.port);
      break;
    case "forgetName":
      statements.forgetName.run(change.name);
      break;
    case "lineLook":
      statements.keepLineLook.run(change.text);
      break;
    case "answer": {
      const { caller, key, fingerprint, status, leaseIds } = change.answer;
      const ids = leaseIds.join("");
      const bytes = fileBytes(ANSWER_BYTES + caller.length + key.length + ids.length);
      statements.keepAnswer.run(caller, key, fingerprint, status, ids, clock.now(), bytes);
      return { kind: "answer", caller, bytes };
    }
    case "mapping":
      statements.mapping.run(...mappingValues(change.mapping));
      break;
    case "forgetMapping":
      statements.forgetMapping.run(change.nonce);
      break;
  }
}

/** A change of a lease that has ended must fail, and so must one that follows a failed insertion or change. */
function expectOne({ changes }: { readonly changes: number | bigint }): void {
  if (Number(changes) !== 1) throw new Error("the lease is not in it, or not in the version that was changed");
}

/** The size of a row with its entries in indexes, without the texts that clients choose, in bytes. */
const LEASE_BYTES = 500, ANSWER_BYTES = 250;
/** A row that does not fit into its page takes pages of its own. */
const LARGEST_IN_PAGE = 900, PAGE_BYTES = 4096;

/** About how many bytes an ended lease takes in the file, rather too many. */
function leaseBytes({ name, project, holder, labels, exposure, listener }: LeaseRecord): number {
  let bytes = LEASE_BYTES + 2 * (name?.length ?? 0) + 2 * (project?.length ?? 0);
  for (const text of [holder.id, holder.command, holder.cwd]) if (text !== null) bytes += Buffer.byteLength(text);
  for (const key in labels) bytes += key.length + Buffer.byteLength(labels[key]!) + '"":"",'.length;
  for (const value of [exposure, listener]) if (value !== null) bytes += Buffer.byteLength(JSON.stringify(value));
  return fileBytes(bytes);
}

function fileBytes(bytes: number): number {
  return bytes > LARGEST_IN_PAGE ? bytes + PAGE_BYTES : bytes;
}

function wallClockEnd({ deadline }: LeaseRecord, clock: Clock): number | null {
  return deadline === null ? null : Math.round(clock.now() + deadline - clock.monotonic());
}
