/** Leases that are open to other machines while their servers listen on loopback addresses only: nobody gets there. Pure. */
import type { Exposure } from "../lease/lease.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Protocol } from "../port/port.ts";

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;
/** So many leases are named; more are counted. */
const MOST_NAMED = 10;

/** Whether only this machine itself reaches an address. */
export function isLoopbackAddress(address: string): boolean {
  return LOOPBACK.test(address);
}

/**
 * What keeps others from a port that is open to them.
 *
 * @param addresses are those on which the server listens.
 * @returns `undefined` where others get there, where nobody listens yet, and where the port is not open to others.
 */
export function loopbackHint(exposure: Exposure | null, addresses: readonly string[]): string | undefined {
  const [first] = addresses;
  if (first === undefined || exposure?.firewall.direction !== "in" || !addresses.every(isLoopbackAddress)) return;
  return `the server listens on ${first} only, which no other machine can reach: let it listen on 0.0.0.0 or [::]`;
}

/** The hints for all leases, a sentence each. @param addressesOn says where the watch has seen somebody listen. */
export function loopbackHints(
  leases: Iterable<LeaseRecord>,
  addressesOn: (protocol: Protocol, port: number) => readonly string[],
): string[] {
  const hints: string[] = [];
  for (const { id, name, port, protocols, exposure } of leases) {
    if (exposure === null) continue;
    const hint = loopbackHint(exposure, protocols.flatMap((protocol) => addressesOn(protocol, port)));
    const whom = exposure.firewall.remote.join(", ");
    if (hint !== undefined) {
      hints.push(`${name ?? id} (${port}/${protocols.join("+")}) is open to ${whom}, but ${hint}`);
    }
  }
  const more = hints.length - MOST_NAMED;
  return more <= 0 ? hints : [...hints.slice(0, MOST_NAMED), `the same is true for ${more} more open leases`];
}
