/** IPv4 port mappings by UPnP: WANIPConnection:2, :1 and WANPPPConnection:1. */
import { addressBytes } from "../../os/address.ts";
import { type Gateway, GatewayError, type MappingGrant, type MappingLook, type MappingRequest } from "../gateway.ts";
import { type Call, Calls, type CallsOptions } from "./calls.ts";
import type { Service } from "./description.ts";
import {
  clientText,
  deleteEntry,
  type Entry,
  isOurHost,
  isOurs,
  readEntry,
  type Reading,
  readTable,
} from "./entries.ts";
import { descriptionOf, LONGEST_LEASE_S, type Made, makeMapping } from "./make_mapping.ts";
import type { Home } from "./place.ts";
import { ActionRefused } from "./soap.ts";

/** A router that forwards ports. */
export class UpnpRouter implements Gateway {
  readonly family = "ipv4";
  readonly protocol = "upnp";
  readonly address: string;
  readonly localAddress: string;
  readonly name: string | null;
  readonly #calls: Calls;
  /** Whether it is of IGDv2. */
  readonly #isV2: boolean;

  constructor(service: Service, home: Home, options: CallsOptions & { readonly name: string | null }) {
    this.address = home.gateway;
    this.localAddress = home.localAddress;
    this.name = options.name;
    this.#calls = new Calls(service, home, options);
    this.#isV2 = service.type === "urn:schemas-upnp-org:service:WANIPConnection:2";
  }

  externalAddress(signal?: AbortSignal): Promise<string | null> {
    return this.#calls.run(readExternalAddress, { signal });
  }

  map(request: MappingRequest, signal?: AbortSignal): Promise<MappingGrant> {
    return this.#calls.run(async (call) => {
      const made = await makeMapping(call, request, { isV2: this.#isV2 });
      const { port, lifetimeS } = await this.#readBack(call, request, made);
      return { external: { address: await addressOrNull(call), port }, lifetimeS };
    }, { signal });
  }

  unmap(request: MappingRequest, externalPort: number, signal?: AbortSignal): Promise<void> {
    return this.#calls.run(async (call) => {
      const entry = await readSurely(call, request, externalPort);
      if (entry !== "gone" && isOurs(entry, request)) await deleteEntry(call, entry);
    }, { signal });
  }

  look(request: MappingRequest, externalPort: number, signal?: AbortSignal): Promise<MappingLook> {
    return this.#calls.run(async (call) => {
      const entry = await readEntry(call, { protocol: request.protocol, port: externalPort });
      if (typeof entry === "string") return entry;
      if (!isOurs(entry, request)) return entry.client === null ? "unknown" : "foreign";
      return entry.isEnabled ? "set" : "gone";
    }, { signal });
  }

  /** UPnP has no epoch. */
  hasForgotten(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): void {
    this.#calls.close();
  }

  /** What the router has really made. What cannot be read back is what the router has said. */
  async #readBack(
    call: Call,
    request: MappingRequest,
    made: Made,
  ): Promise<{ port: number; lifetimeS: number | null }> {
    const { port, leaseS } = made;
    const entry = await readAfterwards(call, request, port);
    if (entry === "unknown") return { port, lifetimeS: this.#lifetime(leaseS, null) };
    if (entry === "gone") return await this.#findElsewhere(call, request, made);
    if (isOurs(entry, request) && entry.isEnabled) return { port, lifetimeS: this.#lifetime(leaseS, entry.leaseS) };
    if (made.before === "gone" && isOurHost(entry, request.internal.address)) await deleteEntry(call, entry);
    throw new GatewayError(
      "failed",
      `The router has accepted the mapping of external port ${port}, ` +
        (isOurs(entry, request) ? "but has made it disabled" : `but has it lead to ${clientText(entry)}`),
    );
  }

  /** The router says that it has made a mapping, and it is not where it was asked for. */
  async #findElsewhere(
    call: Call,
    request: MappingRequest,
    { port, leaseS }: Made,
  ): Promise<{ port: number; lifetimeS: number | null }> {
    const table = await readTable(call) ?? [];
    const entry = table.find((entry) => isOurs(entry, request) && entry.external.protocol === request.protocol);
    if (entry === undefined) {
      throw new GatewayError(
        "failed",
        `The router has accepted the mapping of external port ${port}, but has not made it`,
      );
    }
    if (!request.isFixed) return { port: entry.external.port, lifetimeS: this.#lifetime(leaseS, entry.leaseS) };
    if (entry.description === descriptionOf(request)) await deleteEntry(call, entry);
    const message = `The router has given external port ${entry.external.port} in the place of ${port}`;
    throw new GatewayError("port_taken", message);
  }

  /**
   * The lifetime of a mapping.
   *
   * @param read is what the router says afterwards; null where that could not be read. 0 is without end. A router that
   * says more than it was asked for, or 0, is not relied on: the mapping is renewed in the time that was asked for.
   */
  #lifetime(askedS: number, read: number | null): number | null {
    if (askedS > 0) return Math.min(askedS, read || askedS);
    if (read !== null && read > 0) return read;
    return read === null && this.#isV2 ? LONGEST_LEASE_S : null;
  }
}

async function readAfterwards(call: Call, { protocol }: MappingRequest, port: number): Promise<Reading> {
  try {
    return await readEntry(call, { protocol, port });
  } catch (error) {
    // It has said that the mapping is there; that it is silent now makes that no less true.
    if (error instanceof GatewayError && error.fault === "silent") return "unknown";
    throw error;
  }
}

/** Reads an entry that may be deleted. @throws {GatewayError} where it cannot be read: it might be another host's. */
async function readSurely(call: Call, { protocol }: MappingRequest, port: number): Promise<Entry | "gone"> {
  const entry = await readEntry(call, { protocol, port });
  if (entry !== "unknown") return entry;
  const table = await readTable(call);
  if (table === undefined) {
    const message = `Cannot delete the mapping of external port ${port}: the router does not show whose it is`;
    throw new GatewayError("unsupported", message);
  }
  return table.find(({ external }) => external.protocol === protocol && external.port === port) ?? "gone";
}

/** The router's outer address; null where it has none. */
export async function readExternalAddress(call: Call): Promise<string | null> {
  try {
    const answer = await call("GetExternalIPAddress");
    const address = answer.get("NewExternalIPAddress") ?? "";
    return addressBytes(address)?.length === 4 && address !== "0.0.0.0" ? address : null;
  } catch (error) {
    if (!(error instanceof ActionRefused) || await isConnected(call)) throw error;
    return null;
  }
}

async function addressOrNull(call: Call): Promise<string | null> {
  try {
    return await readExternalAddress(call);
  } catch (error) {
    if (error instanceof GatewayError) return null; // the mapping stands all the same
    throw error;
  }
}

/** Whether the service says that it is connected to the internet. @throws {GatewayError} */
export async function isConnected(call: Call): Promise<boolean> {
  return (await call("GetStatusInfo")).get("NewConnectionStatus") === "Connected";
}
