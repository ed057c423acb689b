/**
 * The mappings and pinholes in the kernel's table of a lab's router, as nft prints it in JSON. miniupnpd compares bytes of
 * the header in the place of fields with names: offsets and lengths are in bits (RFC 791 section 3.1, RFC 8200 section 3).
 */
import type { Family, SocketAddress } from "../../../../src/gateway/gateway.ts";
import type { Protocol } from "../../../../src/port/port.ts";

/** What the router forwards. */
export interface RouterEntry {
  readonly family: Family;
  readonly protocol: Protocol;
  /** Of a pinhole it is the internal one. */
  readonly externalPort: number;
  readonly internal: SocketAddress;
}

interface Expression {
  readonly match?: { readonly left: { readonly payload?: Payload }; readonly right: unknown };
  readonly dnat?: { readonly addr: string; readonly port: number };
}

interface Payload {
  readonly field?: string;
  readonly base?: string;
  readonly offset?: number;
}

interface Rule {
  readonly chain: string;
  readonly expr: readonly Expression[];
}

const PROTOCOLS: Readonly<Record<number, Protocol>> = { 6: "tcp", 17: "udp" };

/** In bits from the start of the header: protocol of IPv4, next header and destination of IPv6. */
const OFFSETS = { protocol4: 72, protocol6: 48, destination6: 192 };

/** @param json is the output of `nft -j list table`. @returns the entries, sorted as text. */
export function readTable(json: string): readonly RouterEntry[] {
  const { nftables } = JSON.parse(json) as { readonly nftables: readonly { readonly rule?: Rule }[] };
  const rules = nftables.flatMap(({ rule }) => rule ?? []);
  const mappings = rules.filter(({ chain }) => chain === "prerouting_miniupnpd").flatMap(mapping);
  const pinholes = rules.filter(({ chain }) => chain === "miniupnpd").flatMap(pinhole);
  return [...mappings, ...pinholes].sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
}

function mapping({ expr }: Rule): readonly RouterEntry[] {
  const target = expr.flatMap(({ dnat }) => dnat ?? [])[0];
  const protocol = PROTOCOLS[Number(valueAt(expr, OFFSETS.protocol4))];
  if (target === undefined || protocol === undefined) return [];
  const internal = { address: target.addr, port: target.port };
  return [{ family: "ipv4", protocol, externalPort: destinationPort(expr), internal }];
}

function pinhole({ expr }: Rule): readonly RouterEntry[] {
  const protocol = PROTOCOLS[Number(valueAt(expr, OFFSETS.protocol6))];
  const destination = valueAt(expr, OFFSETS.destination6);
  if (protocol === undefined || typeof destination !== "string") return []; // the filter's part of a mapping
  const port = destinationPort(expr);
  return [{ family: "ipv6", protocol, externalPort: port, internal: { address: addressOf(destination), port } }];
}

function valueAt(expr: Rule["expr"], offset: number): unknown {
  return expr.find(({ match }) => match?.left.payload?.base === "nh" && match.left.payload.offset === offset)?.match
    ?.right;
}

function destinationPort(expr: Rule["expr"]): number {
  return Number(expr.find(({ match }) => match?.left.payload?.field === "dport")?.match?.right);
}

/** @param digits is `0x` and 32 hexadecimal digits. */
function addressOf(digits: string): string {
  const groups = digits.slice(2).padStart(32, "0").match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
