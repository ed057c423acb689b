/** What the router says at this moment, and what was known of it before. */
import type { InternetRoute } from "../adapters/adapters.ts";
import { type Gateway, GatewayError, type GatewayProtocol, type MappingLook } from "../gateway/gateway.ts";
import type { GatewaySide, Mapping } from "../gateway/mapping.ts";
import type { GatewaySearch, OpenOptions } from "../gateway/open.ts";
import type { FoundGateway, ReachFacts } from "./facts.ts";

/** Finds the router. */
export type OpenGateway = (options: OpenOptions) => Promise<GatewaySearch>;

/** What a check knows of the router. */
export type AskedRouter = Pick<ReachFacts, "gateway" | "look">;

/** How long the router may take for its answers, once it is found. */
const ANSWERS_MS = 5000;
const NAMES: Readonly<Record<GatewayProtocol, string>> = { pcp: "PCP", "nat-pmp": "NAT-PMP", upnp: "UPnP" };
const SWITCHED_OFF = {
  kind: "unsupported",
  reason: "no router is asked: the setting gateway.protocol is none",
} as const;
/** Not used: reading needs none. */
const NO_NONCE = "0".repeat(24);

/**
 * Asks the router for its outer address, and whether it has the mapping. It changes no mapping of a lease.
 *
 * @param route is the way to the internet; null where there is none.
 */
export async function askRouter(
  route: InternetRoute | null,
  mapping: Mapping | null,
  open: OpenGateway | null,
): Promise<AskedRouter> {
  if (route === null) return { gateway: null, look: null };
  if (open === null) return { gateway: { name: null, externalAddress: undefined, fault: SWITCHED_OFF }, look: null };
  const via = mapping?.via ?? null, protocols = via === null ? {} : { protocols: [via] };
  const { gateway, refusals } = await open({ route, ...protocols });
  if (gateway === null) {
    return {
      gateway: { name: null, externalAddress: undefined, fault: faultFrom(refusals, route.gateway) },
      look: null,
    };
  }
  const signal = AbortSignal.timeout(ANSWERS_MS);
  try {
    const [found, look] = await Promise.all([describe(gateway, signal), lookAt(gateway, mapping, signal)]);
    return { gateway: found, look };
  } finally {
    gateway.close();
  }
}

/** A protocol that is refused says more than one that is not answered. */
function faultFrom(refusals: GatewaySearch["refusals"], address: string | null): FoundGateway["fault"] {
  const said = refusals.find(({ fault }) => fault !== "silent");
  if (said !== undefined) return { kind: said.fault, reason: said.reason };
  const asked = refusals.map(({ protocol }) => NAMES[protocol]).join(", ");
  const reason = address === null
    ? "there is no router on the way to the internet"
    : `the router at ${address} does not answer${asked === "" ? "" : ` by ${asked}`}`;
  return { kind: "silent", reason };
}

/** What was known without asking. */
export function routerAsKnown(side: GatewaySide | null): AskedRouter {
  if (side === null) return { gateway: null, look: null };
  return {
    gateway: { name: nameOf(side), externalAddress: side.externalAddress ?? undefined, fault: null },
    look: null,
  };
}

async function describe(gateway: Gateway, signal: AbortSignal): Promise<FoundGateway> {
  const name = nameOf(gateway);
  try {
    return { name, externalAddress: await gateway.externalAddress(signal), fault: null };
  } catch (error) {
    const fault = faultOf(error, signal);
    if (fault.kind === "silent") return { name: null, externalAddress: undefined, fault };
    return { name, externalAddress: fault.kind === "no_address" ? null : undefined, fault };
  }
}

async function lookAt(gateway: Gateway, mapping: Mapping | null, signal: AbortSignal): Promise<MappingLook | null> {
  const port = mapping?.external?.port;
  if (mapping === null || port === undefined) return null;
  const { family, protocol, internal } = mapping;
  const endpoint = { family, protocol, internal };
  const request = { ...endpoint, nonce: NO_NONCE, externalPort: port, isFixed: false, lifetimeS: 0, description: "" };
  try {
    return await gateway.look(request, port, signal);
  } catch (error) {
    faultOf(error, signal);
    return "unknown";
  }
}

/** @throws what says nothing about the router. */
function faultOf(error: unknown, signal: AbortSignal): NonNullable<FoundGateway["fault"]> {
  if (error instanceof GatewayError) return { kind: error.fault, reason: error.message };
  if (signal.aborted) return { kind: "silent", reason: "the router has not answered in time" };
  throw error;
}

function nameOf({ name, address, protocol }: Pick<GatewaySide, "name" | "address" | "protocol">): string {
  return `the router ${name === null ? "" : `${name} `}at ${address} (${protocol})`;
}
