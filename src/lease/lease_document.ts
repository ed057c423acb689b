/** What an export writes and an import reads. This file is just the types; transfer.ts does the work. */
import type { Holder, Lease } from "./lease.ts";

/** A lease as an import brings it: what an export has written, without what is true only on its machine. */
export interface TransferredLease
  extends
    Pick<Lease, "id" | "name" | "project" | "port" | "protocols" | "lifetime" | "hold" | "labels">,
    Pick<Lease, "grantedAt" | "renewedAt" | "expiresAt"> {
  readonly holder: Pick<Holder, "id">;
}

/** The live leases and the ports of all names, for people and other machines. */
export interface LeaseDocument {
  readonly version: 1;
  readonly exportedAt?: string;
  readonly leases: readonly Lease[];
  /** Full name → the port it had last. */
  readonly names: Readonly<Record<string, number>>;
}

/** The result of an import, lease by lease. */
export interface ImportOutcome {
  /** Ids. */
  readonly imported: readonly string[];
  readonly skipped: readonly { readonly id: string; readonly code: string; readonly detail: string }[];
}
