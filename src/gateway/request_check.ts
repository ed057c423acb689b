/** What keeps a request from being sent: a router would take a port of 0 for all ports of this host. */
import { addressBytes } from "../os/address.ts";
import { isPort } from "../port/port.ts";
import { type Family, GatewayError, type MappingRequest } from "./gateway.ts";

const ADDRESS_SIZES = { ipv4: 4, ipv6: 16 } as const satisfies Record<Family, number>;

/** @throws {GatewayError} `unsupported` when a request cannot be sent to a router that is spoken to by this family. */
export function checkRequest({ internal, externalPort }: MappingRequest, family: Family): void {
  const { address, port } = internal;
  if (addressBytes(address)?.length === ADDRESS_SIZES[family] && isPort(port) && isPort(externalPort, 0)) return;
  throw new GatewayError("unsupported", `Cannot map port ${port} of ${address} by ${family}, to port ${externalPort}`);
}

/** A lifetime as both protocols have room for it, and never the 0 that would delete. */
export function lifetimeField(lifetimeS: number): number {
  return Math.min(Math.max(Math.ceil(lifetimeS), 1), 0xffff_ffff);
}
