/** The addresses at which other machines reach a port of this one. Pure. */
import { isLoopbackAddress } from "../../inspect/loopback.ts";

/** One address of one interface, as in `Deno.networkInterfaces()`. */
export interface InterfaceAddress {
  /** Name of the interface. */
  readonly name: string;
  readonly family: "IPv4" | "IPv6";
  readonly address: string;
}

/** Addresses that only neighbours on one cable know: they are of use only with the name of an interface. */
const LINK_LOCAL = /^(?:169\.254\.|fe[89ab])/i;
/** Networks between this machine and its own containers and virtual machines. */
const VIRTUAL = /^(?:docker\d|br-[0-9a-f]{12}$|virbr|veth|lxcbr|lxdbr|cni|flannel|podman|vEthernet)/;

/**
 * The addresses of this machine on which a server can be reached from others, IPv4 first.
 *
 * @param listening are the addresses on which the server listens; none where no server listens yet.
 */
export function addressesForOthers(
  interfaces: readonly InterfaceAddress[],
  listening: readonly string[],
): readonly string[] {
  const isReached = ({ family, address }: InterfaceAddress) =>
    listening.length === 0 || listening.includes("::") || listening.includes(address) ||
    (family === "IPv4" && listening.includes("0.0.0.0"));
  const shared = interfaces.filter((one) =>
    !isLoopbackAddress(one.address) && !LINK_LOCAL.test(one.address) && !VIRTUAL.test(one.name) && isReached(one)
  );
  const isIpv6 = ({ family }: InterfaceAddress) => Number(family === "IPv6");
  return [...new Set(shared.toSorted((a, b) => isIpv6(a) - isIpv6(b)).map(({ address }) => address))];
}

/** Whether an address of the API leads to this machine. */
export function isOnThisMachine(url: string, interfaces: readonly InterfaceAddress[]): boolean {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
  return host === "localhost" || isLoopbackAddress(host) || interfaces.some(({ address }) => address === host);
}
