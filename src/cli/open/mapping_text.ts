/** Mappings of the router in words. Pure. */
import type { Mapping } from "../../client/wire.ts";
import type { GatewayProtocol } from "../../gateway/gateway.ts";
import { addressText } from "../terminal.ts";

const PROTOCOL_NAMES: Readonly<Record<GatewayProtocol, string>> = { pcp: "PCP", "nat-pmp": "NAT-PMP", upnp: "UPnP" };

/** A protocol as people write it. */
export function protocolName(protocol: GatewayProtocol): string {
  return PROTOCOL_NAMES[protocol];
}

/** Where the internet finds a mapping: `203.0.113.7:25565/tcp`. */
export function outsideText({ external, protocol }: Pick<Mapping, "external" | "protocol">): string {
  if (external === null) return "-";
  const { address, port } = external;
  return address === null ? `port ${port}/${protocol} of the router` : `${addressText(address, port)}/${protocol}`;
}

/** Where a mapping leads to: `192.168.1.10:25565`. */
export function insideText({ internal: { address, port } }: Pick<Mapping, "internal">): string {
  return addressText(address, port);
}

/** What is there, and how: `203.0.113.7:25565/tcp leads to 192.168.1.10:25565 (UPnP, renewed before …)`. */
export function grantedText(mapping: Mapping): string {
  const { family, via, expiresAt } = mapping;
  const words = [
    ...(via === null ? [] : [protocolName(via)]),
    ...(expiresAt === null ? [] : [`renewed before ${expiresAt}`]),
  ];
  const what = family === "ipv4" ? `leads to ${insideText(mapping)}` : "is open in the router's IPv6 firewall";
  return `${outsideText(mapping)} ${what}${words.length === 0 ? "" : ` (${words.join(", ")})`}`;
}

/** What is said of a mapping that no lease wants any more. */
export function leavingText(mapping: Mapping): string {
  const { external, reason, expiresAt, family, protocol } = mapping, inside = insideText(mapping);
  const why = reason ?? "the router has not deleted it yet";
  if (external === null) {
    return `the router may have a mapping to ${inside}/${protocol} that it has not confirmed: ${why}`;
  }
  const still = family === "ipv4" ? `still leads to ${inside}` : "is still open in the router's IPv6 firewall";
  const end = expiresAt === null
    ? "it has no end of its own: delete it on the router's page"
    : `it ends by itself at ${expiresAt}`;
  return `${outsideText(mapping)} ${still}: ${why}; ${end}`;
}
