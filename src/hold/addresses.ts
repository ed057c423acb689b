/** The addresses at which a program of this machine can listen, for probes that have to try each of them. */

/** One address. */
export interface LocalAddress {
  readonly address: string;
  /** The interface of a link-local IPv6 address; 0 for any other. */
  readonly scope: number;
}

/** Those that are tried on every machine: the wildcards, and the loopback addresses. */
const USUAL = ["0.0.0.0", "127.0.0.1", "::", "::1"];

/** The usual addresses and those of every interface, each once. */
export function localAddresses(interfaces = Deno.networkInterfaces()): readonly LocalAddress[] {
  const own = interfaces.filter(({ address }) => !USUAL.includes(address));
  return [
    ...USUAL.map((address) => ({ address, scope: 0 })),
    ...own.map(({ address, scopeid }) => ({ address: address.split("%")[0]!, scope: scopeid ?? 0 })),
  ];
}
