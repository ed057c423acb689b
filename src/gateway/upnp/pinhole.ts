/** IPv6 pinholes by UPnP: WANIPv6FirewallControl:1, called from the very address that is opened. */
import {
  type Gateway,
  GatewayError,
  type MappedEndpoint,
  type MappingGrant,
  type MappingLook,
  type MappingRequest,
} from "../gateway.ts";
import { type Call, Calls, type CallsOptions } from "./calls.ts";
import type { Service } from "./description.ts";
import type { Home } from "./place.ts";
import { type ActionAnswer, type ActionArguments, ActionRefused } from "./soap.ts";

/** The longest lease of a pinhole, one day (section 2.3.5 of the service). */
const LONGEST_LEASE_S = 86_400;

const SPACE_EXHAUSTED = 701, FIREWALL_DISABLED = 702, NO_TRAFFIC = 709;

/** Errors that say that there is no pinhole of an id: 704, and 402 from miniupnpd 2.3. */
const NO_PINHOLE: readonly number[] = [704, 402];

/** Errors with which a router says that a pinhole is not ours: it has given the id to another's. */
const NOT_OURS = 606;

/** IANA's protocol numbers. */
const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

/** A router that lets IPv6 connections in. A pinhole's handle is its UniqueID, a number below 65536. */
export class UpnpFirewall implements Gateway {
  readonly family = "ipv6";
  readonly protocol = "upnp";
  readonly address: string;
  readonly localAddress: string;
  readonly name: string | null;
  readonly #calls: Calls;
  /** Whether it is spoken to over a link-local address, and hence from one. */
  readonly #isLinkLocal: boolean;
  /** What each id was given for last: a router that has restarted gives the same ids once more. */
  readonly #endpoints = new Map<string, string>();

  constructor(service: Service, home: Home, options: CallsOptions & { readonly name: string | null }) {
    this.address = home.gateway;
    this.localAddress = home.localAddress;
    this.name = options.name;
    this.#isLinkLocal = service.control.address.includes("%");
    this.#calls = new Calls(service, home, options);
  }

  externalAddress(): Promise<string | null> {
    return Promise.resolve(this.localAddress);
  }

  /**
   * Makes or renews a pinhole. Where the firewall lets everything in, there is none to make, and the grant has no handle.
   *
   * The external port of a pinhole is the internal one: another wanted one that is fixed is refused.
   */
  map(request: MappingRequest, signal?: AbortSignal): Promise<MappingGrant> {
    const { internal, externalPort, isFixed } = request;
    if (isFixed && externalPort !== 0 && externalPort !== internal.port) {
      const message = `A pinhole opens port ${internal.port} itself: external port ${externalPort} cannot be had`;
      return Promise.reject(new GatewayError("port_taken", message));
    }
    return this.#run(request, signal, async (call) => {
      const lifetimeS = Math.min(Math.max(1, Math.floor(request.lifetimeS)), LONGEST_LEASE_S);
      const handle = await isFirewallOn(call) ? await open(call, request, lifetimeS) : undefined;
      if (handle !== undefined) this.#endpoints.set(handle, textOf(request));
      return { external: internal, lifetimeS, ...(handle === undefined ? {} : { handle }) };
    }).catch((error) => {
      throw this.#isLinkLocal && error instanceof ActionRefused && error.code === NOT_OURS
        ? askedFromElsewhere(error)
        : error;
    });
  }

  /** Deletes a pinhole. Where its id is not known, it is made once more for a second, which answers with the id. */
  unmap(request: MappingRequest, _externalPort: number, signal?: AbortSignal): Promise<void> {
    return this.#run(request, signal, async (call) => {
      if (!await isFirewallOn(call)) return;
      const handle = this.#ownHandle(request) ?? await add(call, request, 1);
      if (handle === undefined) return;
      this.#endpoints.delete(handle);
      await ignoring([...NO_PINHOLE, NOT_OURS], call("DeletePinhole", { UniqueID: handle }));
    });
  }

  /** Routers show no pinholes, but some say that an id is none. */
  look(request: MappingRequest, _externalPort: number, signal?: AbortSignal): Promise<MappingLook> {
    return this.#run(request, signal, async (call) => {
      if (!await isFirewallOn(call)) return "set";
      if (request.handle === undefined) return "unknown";
      try {
        await call("GetPinholePackets", { UniqueID: request.handle });
        return "set";
      } catch (error) {
        if (!(error instanceof ActionRefused)) throw error;
        if (error.code === NOT_OURS) return "foreign";
        return NO_PINHOLE.includes(error.code) ? "gone" : error.code === NO_TRAFFIC ? "set" : "unknown";
      }
    });
  }

  /** UPnP has no epoch. */
  hasForgotten(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): void {
    this.#calls.close();
  }

  /** The handle of a request, unless the router has given that id to another pinhole of ours since. */
  #ownHandle(request: MappingRequest): string | undefined {
    const { handle } = request, endpoint = handle && this.#endpoints.get(handle);
    return endpoint === undefined || endpoint === textOf(request) ? handle : undefined;
  }

  #run<T>(
    { internal }: MappedEndpoint,
    signal: AbortSignal | undefined,
    operation: (call: Call) => Promise<T>,
  ): Promise<T> {
    return this.#calls.run(operation, { signal, localAddress: internal.address });
  }
}

/** Whether the firewall keeps connections out, and may be asked to let some in. @throws {GatewayError} where it may not. */
async function isFirewallOn(call: Call): Promise<boolean> {
  const status = await call("GetFirewallStatus");
  if (isFalse(status.get("FirewallEnabled"))) return false;
  if (!isFalse(status.get("InboundPinholeAllowed"))) return true;
  throw new GatewayError("not_authorized", "The router's IPv6 firewall is set to take no pinholes by UPnP");
}

function isFalse(value: string | undefined): boolean {
  return /^(0|false|no)$/i.test(value ?? "");
}

/**
 * Opens a pinhole and has it last as long as wanted. AddPinhole of one that is there answers with its id (section 2.5.2):
 * so the id is right also where the router has begun to count again. Not every router takes the new lease from it.
 */
async function open(call: Call, request: MappingRequest, lifetimeS: number): Promise<string | undefined> {
  const id = await addAgain(call, request, lifetimeS);
  if (id === undefined || id !== request.handle) return id;
  await call("UpdatePinhole", { UniqueID: id, NewLeaseTime: lifetimeS });
  return id;
}

/** Renews by AddPinhole. miniupnpd refuses that once where its rules were lost, and makes the pinhole when it is asked again. */
async function addAgain(call: Call, request: MappingRequest, lifetimeS: number): Promise<string | undefined> {
  try {
    return await add(call, request, lifetimeS);
  } catch (error) {
    const isLost = error instanceof ActionRefused && error.code === SPACE_EXHAUSTED && request.handle !== undefined;
    if (!isLost) throw error;
    return await add(call, request, lifetimeS);
  }
}

/** @returns the id; `undefined` where the firewall was switched off in this moment. */
async function add(call: Call, { internal, protocol }: MappedEndpoint, lifetimeS: number): Promise<string | undefined> {
  const values: ActionArguments = {
    RemoteHost: "",
    RemotePort: 0,
    InternalClient: internal.address,
    InternalPort: internal.port,
    Protocol: PROTOCOL_NUMBERS[protocol],
    LeaseTime: lifetimeS,
  };
  const answer = await ignoring([FIREWALL_DISABLED], call("AddPinhole", values));
  if (answer === undefined) return undefined;
  const id = answer.get("UniqueID") ?? "";
  if (/^\d{1,5}$/.test(id) && Number(id) <= 65_535) return id;
  throw new GatewayError("failed", "The router's answer to AddPinhole has no id");
}

async function ignoring(codes: readonly number[], answer: Promise<ActionAnswer>): Promise<ActionAnswer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ActionRefused && codes.includes(error.code)) return undefined;
    throw error;
  }
}

function textOf({ protocol, internal }: MappedEndpoint): string {
  return `${protocol} ${internal.address} ${internal.port}`;
}

/**
 * A router that lets a host open only the address that asks. It has told its description over IPv4 alone this time: another
 * search may find its global address, so it counts as one that was not found.
 */
function askedFromElsewhere(cause: ActionRefused): GatewayError {
  const message = `${cause.message}: it was asked from a link-local address, as it was not found over IPv6`;
  return new GatewayError("silent", message, { cause });
}
