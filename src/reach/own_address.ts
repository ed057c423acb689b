/** This machine's own addresses, as a check needs them. Pure. */
import type { ReachFacts } from "./facts.ts";

/** Addresses that stand for "not chosen yet". */
const NOT_CHOSEN = new Set(["0.0.0.0", "::"]);

/** To which address of this machine the router leads, or would lead; null where there is none. */
export function ownAddress(
  { mapping, network, family }: Pick<ReachFacts, "mapping" | "network" | "family">,
): string | null {
  const mapped = mapping?.internal.address;
  if (mapped !== undefined && !NOT_CHOSEN.has(mapped)) return mapped;
  const route = network.internet[family];
  if (route !== null) return route.address;
  const usable = network.adapters.filter(({ isUp, kind }) => isUp && kind !== "loopback").flatMap(({ addresses }) =>
    addresses
  )
    .filter((one) => one.family === family && (one.scope === "private" || one.scope === "global") && !one.isTemporary);
  return usable[0]?.address ?? null;
}

/** Whether this machine has an address now. */
export function hasAddress({ network }: Pick<ReachFacts, "network">, address: string): boolean {
  return network.adapters.some(({ addresses }) => addresses.some((one) => one.address === address));
}

/** An address with a port: `127.0.0.1:80`, `[::1]:80`. */
export function endpointText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
