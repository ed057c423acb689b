/** IPv4 port mappings by UPnP: WANIPConnection:2, :1 and WANPPPConnection:1. */
import { addressBytes } from "../../os/address.ts";
import { HIGHEST_PORT, readPort } from "../../port/port.ts";
import { type Gateway, GatewayError, type MappingGrant, type MappingLook, type MappingRequest } from "../gateway.ts";
import { type Call, Calls, type CallsOptions } from "./calls.ts";
import type { Service } from "./description.ts";
import { clientText, type Entry, isOurHost, isOurs, readEntry, type Reading, readTable } from "./entries.ts";
import type { Home } from "./place.ts";
import { type ActionArguments, ActionRefused } from "./soap.ts";

/** External ports that are tried one after the other. */
const MOST_PORTS = 16;

/** The longest lease of WANIPConnection:2, one week; it takes 0 for that (section 2.3.18). */
const LONGEST_LEASE_S = 604_800;

/** What a mapping is called at the most: some routers refuse, or cut, what is longer. */
const LONGEST_DESCRIPTION = 64;

/** Errors of an external port that is somebody else's. */
const CONFLICTS: readonly number[] = [718, 729];
const SAME_PORTS_ONLY = 724;
/** 725, and 402 from routers that do not know 725. */
const NO_LEASES: readonly number[] = [725, 402];
/** IGDv2 actions that a router has not, although it says so. */
const NO_ACTION: readonly number[] = [401, 602];

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
      const made = await this.#make(call, request);
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

  /** Has the router make the mapping on the wanted port, or on a later one where that is another's. */
  async #make(call: Call, request: MappingRequest): Promise<Made> {
    let port = request.externalPort || request.internal.port;
    for (let tries = 0; tries < MOST_PORTS; tries++) {
      const before = await readEntry(call, { protocol: request.protocol, port });
      try {
        return await this.#add(call, request, { port, before });
      } catch (error) {
        port = nextPort(port, request, error);
      }
    }
    throw new GatewayError(
      "port_taken",
      `The router has given none of the ${MOST_PORTS} external ports that were tried`,
    );
  }

  /** AddAnyPortMapping has the router choose, in IGDv2; a mapping that is there already is renewed where it is. */
  async #add(call: Call, request: MappingRequest, place: Place): Promise<Made> {
    if (!this.#isV2 || request.isFixed || isOurEntry(place.before, request)) return await addAt(call, request, place);
    try {
      const { answer, leaseS } = await addWithLease(call, "AddAnyPortMapping", valuesOf(request, place.port));
      const port = readPort(answer.get("NewReservedPort") ?? "");
      if (port === undefined) throw new GatewayError("failed", "The router's answer to AddAnyPortMapping has no port");
      return { port, leaseS, before: port === place.port ? place.before : "unknown" };
    } catch (error) {
      if (!(error instanceof ActionRefused && NO_ACTION.includes(error.code))) throw error;
      return await addAt(call, request, place);
    }
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
   * @param read is what the router says afterwards; null where that could not be read. 0 is without end, but a router
   * that was asked for an end and says 0 is not relied on: the mapping is renewed in the time that was asked for.
   */
  #lifetime(askedS: number, read: number | null): number | null {
    if (read !== null && read > 0) return read;
    if (askedS > 0) return askedS;
    return read === null && this.#isV2 ? LONGEST_LEASE_S : null;
  }
}

/** Where a mapping is to be made, and what was there before. */
interface Place {
  readonly port: number;
  readonly before: Reading;
}

/** What the router says that it has made. */
interface Made extends Place {
  /** What it was asked for; 0 is without end. */
  readonly leaseS: number;
}

function isOurEntry(before: Reading, request: MappingRequest): before is Entry {
  return typeof before !== "string" && isOurs(before, request);
}

/** AddPortMapping, only where no other host's mapping is: many routers write over that. */
async function addAt(call: Call, request: MappingRequest, { port, before }: Place): Promise<Made> {
  if (typeof before !== "string" && !isOurs(before, request)) {
    throw new GatewayError("port_taken", `External port ${port} of the router leads to ${clientText(before)}`);
  }
  const add = async () => ({ ...await addWithLease(call, "AddPortMapping", valuesOf(request, port)), port, before });
  try {
    return await add();
  } catch (error) {
    const isOwnConflict = error instanceof ActionRefused && CONFLICTS.includes(error.code);
    if (!isOwnConflict || !isOurEntry(before, request)) throw error;
    await deleteEntry(call, before); // a router that does not renew: its conflict is our own mapping
    return await add();
  }
}

/** The port to try after an error. @throws the error where another port would not help, or is not wanted. */
function nextPort(port: number, { internal, isFixed }: MappingRequest, error: unknown): number {
  if (!(error instanceof GatewayError) || error.fault !== "port_taken" || isFixed) throw error;
  const code = error instanceof ActionRefused ? error.code : undefined;
  if (code === SAME_PORTS_ONLY) {
    if (port === internal.port) throw error;
    return internal.port;
  }
  if (code !== undefined && !CONFLICTS.includes(code)) throw error;
  return port === HIGHEST_PORT ? 1024 : port + 1;
}

function valuesOf(request: MappingRequest, port: number): ActionArguments {
  return {
    NewRemoteHost: "",
    NewExternalPort: port,
    NewProtocol: request.protocol.toUpperCase(),
    NewInternalPort: request.internal.port,
    NewInternalClient: request.internal.address,
    NewEnabled: 1,
    NewPortMappingDescription: descriptionOf(request),
    NewLeaseDuration: Math.min(Math.max(1, Math.floor(request.lifetimeS)), LONGEST_LEASE_S),
  };
}

/** Printable ASCII without what XML escapes: routers show the rest as something else, as its escapes, or refuse it. */
function descriptionOf({ description }: MappingRequest): string {
  return description.replaceAll(/[^\x20-\x7e]|[<>&"']/g, "?").slice(0, LONGEST_DESCRIPTION);
}

/** Adds a mapping; without end where the router takes no other. */
async function addWithLease(call: Call, action: string, values: ActionArguments) {
  try {
    return { answer: await call(action, values), leaseS: Number(values.NewLeaseDuration) };
  } catch (error) {
    if (!(error instanceof ActionRefused && NO_LEASES.includes(error.code))) throw error;
    return { answer: await call(action, { ...values, NewLeaseDuration: 0 }), leaseS: 0 };
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

async function deleteEntry(call: Call, { external }: Entry): Promise<void> {
  const values = {
    NewRemoteHost: "",
    NewExternalPort: external.port,
    NewProtocol: external.protocol.toUpperCase(),
  };
  try {
    await call("DeletePortMapping", values);
  } catch (error) {
    if (!(error instanceof ActionRefused && error.code === 714)) throw error; // it has ended meanwhile
  }
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
