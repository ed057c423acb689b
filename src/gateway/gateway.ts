/**
 * What portd asks of the router: the types. pcp/, nat_pmp/ and upnp/ each have one protocol, open.ts finds the router and
 * the protocols that it answers, mapper.ts is the loop that makes the actual mappings equal to the wanted ones.
 */
import type { Protocol } from "../port/port.ts";

/** The protocols in which routers are spoken to, in the order in which they are tried. */
export const GATEWAY_PROTOCOLS = ["pcp", "nat-pmp", "upnp"] as const;

/** One of {@linkcode GATEWAY_PROTOCOLS}. */
export type GatewayProtocol = (typeof GATEWAY_PROTOCOLS)[number];

/** `ipv4` is a port that the router forwards, `ipv6` a pinhole in its firewall. */
export const FAMILIES = ["ipv4", "ipv6"] as const;

/** One of {@linkcode FAMILIES}. */
export type Family = (typeof FAMILIES)[number];

/** An IP address with a port. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** What is mapped: an address and port of this host. */
export interface MappedEndpoint {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly internal: SocketAddress;
}

/** A mapping as it is asked for, renewed and deleted. Whoever asks has written it to the file before. */
export interface MappingRequest extends MappedEndpoint {
  /** PCP's mapping nonce, 24 hexadecimal digits: a mapping is renewed and deleted with the nonce that made it. */
  readonly nonce: string;
  /** The external port that is wanted; 0 is any. */
  readonly externalPort: number;
  /** Whether another external port than the wanted one is of no use: it is then given back, and the call fails. */
  readonly isFixed: boolean;
  readonly lifetimeS: number;
  /** For the router's page; UPnP alone transports it. */
  readonly description: string;
  /** The handle of the last grant of this mapping, where that had one: with it the mapping is renewed and deleted. */
  readonly handle?: string;
}

/** What a router has granted. It may differ from what was asked for. */
export interface MappingGrant {
  /** The address is null where the router does not tell it. Of a pinhole it is the internal address. */
  readonly external: { readonly address: string | null; readonly port: number };
  /** Null is without end: the router takes no lifetimes (UPnP error 725). */
  readonly lifetimeS: number | null;
  /**
   * What the router calls the mapping, at most 32 characters; only where it is needed later (UPnP's UniqueID of an IPv6
   * pinhole). Whoever asked writes it to the file, and passes it on in the next {@linkcode MappingRequest}.
   */
  readonly handle?: string;
}

/** How a mapping stands in the router's own table. `foreign`: the external port leads to another host or port. */
export type MappingLook = "set" | "gone" | "foreign" | "unknown";

/** The router, spoken to in one protocol for one family. Every call is bounded in time and in bytes. */
export interface Gateway {
  readonly family: Family;
  readonly protocol: GatewayProtocol;
  /** The router's address on this network, with its zone where it is link-local. */
  readonly address: string;
  /** The address of this host from which the router is spoken to, and which may be mapped. */
  readonly localAddress: string;
  /** What the router calls itself; null where the protocol has no name. */
  readonly name: string | null;
  /**
   * The address under which the internet sees what is mapped: the router's outer one, null where it has none (yet); of
   * IPv6 this host's own.
   *
   * @throws {GatewayError}
   */
  externalAddress(signal?: AbortSignal): Promise<string | null>;
  /** Makes or renews a mapping. @throws {GatewayError} with nothing of it left at the router as far as is known. */
  map(request: MappingRequest, signal?: AbortSignal): Promise<MappingGrant>;
  /**
   * Deletes a mapping; one that is not there is no error, one that has become another host's is left alone.
   *
   * @param externalPort is what was granted, as far as that is known.
   * @throws {GatewayError}
   */
  unmap(request: MappingRequest, externalPort: number, signal?: AbortSignal): Promise<void>;
  /** Reads a mapping back, where the protocol can. @throws {GatewayError} */
  look(request: MappingRequest, externalPort: number, signal?: AbortSignal): Promise<MappingLook>;
  /**
   * Whether the router has lost its table since the last call, as far as its epoch tells (RFC 6887 section 8.5, RFC 6886
   * section 3.6); asks it. UPnP has no epoch and always answers false.
   *
   * @throws {GatewayError}
   */
  hasForgotten(signal?: AbortSignal): Promise<boolean>;
  close(): void;
}

/** Why a router does not do what it was asked. */
export const GATEWAY_FAULTS = [
  /** It has not answered in time. */
  "silent",
  /** It answers and refuses by its settings: PCP NOT_AUTHORIZED, NAT-PMP 2, UPnP 606. */
  "not_authorized",
  /** Its table is full: PCP NO_RESOURCES and USER_EX_QUOTA, NAT-PMP 4, UPnP 501 and 728. */
  "no_resources",
  /** The external port is another host's: UPnP 718; PCP CANNOT_PROVIDE_EXTERNAL; another port was given than the fixed one. */
  "port_taken",
  /** It has no outer address: PCP NETWORK_FAILURE, NAT-PMP 3. */
  "no_address",
  /** It does not do this at all: PCP UNSUPP_*, NAT-PMP 1 and 5, UPnP 401 and 602. */
  "unsupported",
  /** Its answer breaks the protocol, or it failed in another way. */
  "failed",
] as const;

/** One of {@linkcode GATEWAY_FAULTS}. */
export type GatewayFault = (typeof GATEWAY_FAULTS)[number];

/** A router that cannot be used, or refuses. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly fault: GatewayFault;
  /** When to ask again at the earliest, in seconds, where the router says so (PCP's lifetime of an error). */
  readonly retryAfterS: number | undefined;

  /** @param message is a sentence that names the protocol and what the router has said. */
  constructor(fault: GatewayFault, message: string, options: ErrorOptions & { readonly retryAfterS?: number } = {}) {
    super(message, options);
    this.fault = fault;
    this.retryAfterS = options.retryAfterS;
  }
}
