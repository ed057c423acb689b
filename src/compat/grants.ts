/**
 * Ports for the protocols that other tools speak: leases like all others, in the one ledger, with a label that names the
 * protocol.
 */
import { PortdError } from "../errors.ts";
import type { Lifetime } from "../lease/lease.ts";
import type { Registry } from "../lease/registry.ts";
import type { Protocol } from "../port/port.ts";

/** The label whose value is the protocol in which a port was asked for. */
export const COMPAT_LABEL = "compat";

/** One port, as such a protocol asks for it. */
export interface PortWish {
  readonly protocol: "portserver" | "grpc";
  readonly protocols: readonly Protocol[];
  /** The holder's process; null where the protocol has none. */
  readonly pid: number | null;
  /** The user for whom it counts; null where it is not counted. */
  readonly owner: string | null;
  readonly lifetime: Lifetime;
}

/** Leases for other protocols. */
export type CompatLeases = Pick<Registry, "grant">;

/**
 * Grants one port, without a hold: a client may bind it without SO_REUSEADDR, or with SO_REUSEPORT.
 *
 * @returns `undefined` where it is refused, as these protocols have no words for why.
 */
export async function grantPort(
  registry: CompatLeases,
  { protocol, protocols, pid, owner, lifetime }: PortWish,
): Promise<number | undefined> {
  try {
    const { leases: [lease] } = await registry.grant({
      project: null,
      wishes: [{ name: null, protocols, prefer: [], pool: "default", hold: "none" }],
      contiguous: false,
      owner,
      holder: { id: pid === null ? protocol : `${protocol}:${pid}`, command: null, cwd: null },
      pid,
      lifetime,
      labels: { [COMPAT_LABEL]: protocol },
      exposure: undefined,
      mayExpose: false,
      waitMs: 0,
    });
    return lease!.port;
  } catch (error) {
    if (error instanceof PortdError) return undefined;
    throw error;
  }
}
