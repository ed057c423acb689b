/** Having the router make an IPv4 mapping: which port, which action, which lease. */
import { HIGHEST_PORT, readPort } from "../../port/port.ts";
import { GatewayError, type MappingRequest } from "../gateway.ts";
import type { Call } from "./calls.ts";
import { clientText, deleteEntry, type Entry, isOurs, readEntry, type Reading } from "./entries.ts";
import { type ActionArguments, ActionRefused } from "./soap.ts";

/** Ports below are the system's (RFC 6335). */
const FIRST_USER_PORT = 1024;

/** External ports that are tried one after the other. */
const MOST_PORTS = 16;

/** The longest lease of WANIPConnection:2, one week; it takes 0 for that (section 2.3.18). */
export const LONGEST_LEASE_S = 604_800;

/** What a mapping is called at the most: some routers refuse, or cut, what is longer. */
const LONGEST_DESCRIPTION = 64;

/** Errors of an external port that is somebody else's. */
const CONFLICTS: readonly number[] = [718, 729];
const SAME_PORTS_ONLY = 724;
const NOT_AUTHORIZED = 606;
/** 725, and 402 from routers that do not know 725. */
const NO_LEASES: readonly number[] = [725, 402];
/** IGDv2 actions that a router has not, although it says so. */
const NO_ACTION: readonly number[] = [401, 602];

interface RouterVersion {
  /** Whether it is of IGDv2. */
  readonly isV2: boolean;
}

/** Where a mapping is to be made, and what was there before. */
export interface Place {
  readonly port: number;
  readonly before: Reading;
}

/** What the router says that it has made. */
export interface Made extends Place {
  /** What it was asked for; 0 is without end. */
  readonly leaseS: number;
}

/** Has the router make the mapping on the wanted port, or on a later one where that is another's. */
export async function makeMapping(call: Call, request: MappingRequest, options: RouterVersion): Promise<Made> {
  let port = request.externalPort || request.internal.port;
  for (let tries = 0; tries < MOST_PORTS; tries++) {
    const before = await readEntry(call, { protocol: request.protocol, port });
    try {
      return await add(call, request, { port, before }, options);
    } catch (error) {
      port = nextPort(port, request, error);
    }
  }
  throw new GatewayError(
    "port_taken",
    `The router has given none of the ${MOST_PORTS} external ports that were tried`,
  );
}

/**
 * AddAnyPortMapping has the router choose, in IGDv2: it knows which ports it may give. It is called with a port that is
 * free: a router that has to choose another one may write over what leads to another port of this host.
 */
async function add(call: Call, request: MappingRequest, place: Place, { isV2 }: RouterVersion): Promise<Made> {
  if (!isV2 || request.isFixed || typeof place.before !== "string") return await addAt(call, request, place);
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
  if (!(error instanceof GatewayError) || isFixed) throw error;
  const code = error instanceof ActionRefused ? error.code : undefined;
  if (code === NOT_AUTHORIZED && port < FIRST_USER_PORT) {
    return internal.port < FIRST_USER_PORT ? port + 8000 : internal.port; // many routers map no system ports
  }
  if (error.fault !== "port_taken") throw error;
  if (code === SAME_PORTS_ONLY) {
    if (port === internal.port) throw error;
    return internal.port;
  }
  if (code !== undefined && !CONFLICTS.includes(code)) throw error;
  return port === HIGHEST_PORT ? FIRST_USER_PORT : port + 1;
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
export function descriptionOf({ description }: MappingRequest): string {
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
