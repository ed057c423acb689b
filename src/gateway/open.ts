/** Finding the router: every protocol is asked at once, and of those that answer the most preferred one is taken. */
import type { InternetRoute } from "../adapters/adapters.ts";
import type { Timer } from "../clock.ts";
import { startTimer } from "../wait.ts";
import { type Gateway, GATEWAY_PROTOCOLS, GatewayError, type GatewayFault, type GatewayProtocol } from "./gateway.ts";
import { findNatPmp } from "./nat_pmp/client.ts";
import { findPcp } from "./pcp/client.ts";
import { findUpnp } from "./upnp/find.ts";

/** What a protocol said that cannot be used. */
export interface ProtocolRefusal {
  readonly protocol: GatewayProtocol;
  readonly fault: GatewayFault;
  /** A sentence. */
  readonly reason: string;
}

/** The router, or why there is none. */
export interface GatewaySearch {
  /** Whoever gets it closes it. */
  readonly gateway: Gateway | null;
  /** Of the protocols that are preferred to the router's, or of all where there is no router; in the order of preference. */
  readonly refusals: readonly ProtocolRefusal[];
}

/** What a {@linkcode FindGateway} is given. */
export interface FindOptions {
  readonly route: InternetRoute & { readonly gateway: string };
  /** Of IPv6: the way of IPv4, over which UPnP's search may find the same router. */
  readonly ipv4Route?: InternetRoute | null;
  readonly signal: AbortSignal;
}

/** Looks for the router in one protocol. @throws {GatewayError} why there is none. @throws the signal's reason. */
export type FindGateway = (options: FindOptions) => Promise<Gateway>;

/** Options of {@linkcode openGateway}. */
export interface OpenOptions {
  /** The way to the internet. Its addresses say for which family. */
  readonly route: InternetRoute;
  /** Where that is the way of IPv6: that of IPv4, over which UPnP's search may find the same router. */
  readonly ipv4Route?: InternetRoute | null;
  /** Which to try; those that there are not for the family are left out. @default all */
  readonly protocols?: readonly GatewayProtocol[];
  readonly signal?: AbortSignal | undefined;
  /** @default the real ones */
  readonly finders?: Readonly<Partial<Record<GatewayProtocol, FindGateway>>>;
  /** @default the process's own */
  readonly timer?: Pick<Timer, "after">;
}

const FINDERS: Readonly<Record<GatewayProtocol, FindGateway>> = {
  pcp: findPcp,
  "nat-pmp": findNatPmp,
  upnp: findUpnp,
};

/** No search takes longer. */
const LIMIT_MS = 5000;

/** How long a protocol has to answer after one that is less preferred has answered. */
const GRACE_MS = 1000;

/**
 * Finds the router of a way to the internet.
 *
 * @returns within five seconds.
 * @throws the signal's reason.
 */
export async function openGateway(options: OpenOptions): Promise<GatewaySearch> {
  const {
    route,
    ipv4Route = null,
    signal,
    finders = FINDERS,
    timer = { after: (ms, onEnd) => startTimer(ms, onEnd) },
  } = options;
  signal?.throwIfAborted();
  const asked = protocolsOf(options), { gateway } = route;
  if (gateway === null) return { gateway: null, refusals: asked.map(refuseWithoutRouter) };
  const ending = new AbortController();
  const stop = timer.after(LIMIT_MS, () => ending.abort(lateError(gateway)));
  const both = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
  const searches = asked.flatMap((protocol) => {
    const find = finders[protocol];
    return find === undefined
      ? []
      : [{ protocol, result: search(find, { route: { ...route, gateway }, ipv4Route, signal: both }) }];
  });
  const settled = Promise.allSettled(searches.map(({ result }) => result));
  let chosen: Gateway | null = null;
  try {
    const found = await choose(searches, { late: lateError(gateway), timer, end: ending.signal });
    signal?.throwIfAborted();
    chosen = found.gateway;
    return found;
  } finally {
    stop();
    ending.abort(lateError(gateway));
    for (const each of await settled) {
      if (each.status === "fulfilled" && !isError(each.value) && each.value !== chosen) each.value.close();
    }
  }
}

function protocolsOf({ route, protocols = GATEWAY_PROTOCOLS }: OpenOptions): readonly GatewayProtocol[] {
  const isIpv6 = route.address.includes(":");
  return GATEWAY_PROTOCOLS.filter((each) => protocols.includes(each) && !(isIpv6 && each === "nat-pmp"));
}

function refuseWithoutRouter(protocol: GatewayProtocol): ProtocolRefusal {
  return { protocol, fault: "silent", reason: "The way to the internet has no router" };
}

function lateError(gateway: string): GatewayError {
  return new GatewayError("silent", `The router ${gateway} has not answered in time`);
}

/** A search in one protocol, under way. */
interface Search {
  readonly protocol: GatewayProtocol;
  readonly result: Promise<Gateway | GatewayError>;
}

async function search(find: FindGateway, options: FindOptions): Promise<Gateway | GatewayError> {
  try {
    return await find(options);
  } catch (error) {
    if (isError(error)) return error;
    throw error;
  }
}

function isError(value: unknown): value is GatewayError {
  return value instanceof GatewayError;
}

/** What limits the wait for a preferred protocol. */
interface Patience {
  /** What is said of a protocol that is waited for no longer. */
  readonly late: GatewayError;
  readonly timer: Pick<Timer, "after">;
  /** Nobody waits any more. */
  readonly end: AbortSignal;
}

async function choose(searches: readonly Search[], patience: Patience): Promise<GatewaySearch> {
  const refusals: ProtocolRefusal[] = [];
  const ends = searches.map((_, i) => overtaken(searches.slice(i + 1), patience));
  for (const [i, { protocol, result }] of searches.entries()) {
    const found = await Promise.race([result, ends[i]!]);
    if (!isError(found)) return { gateway: found, refusals };
    refusals.push({ protocol, fault: found.fault, reason: found.message });
  }
  return { gateway: null, refusals };
}

/** Resolves a while after one of the less preferred protocols has found the router; never when none does. */
function overtaken(rest: readonly Search[], { late, timer, end }: Patience): Promise<GatewayError> {
  return new Promise((resolve) => {
    const giveGrace = (found: Gateway | GatewayError) => {
      if (!isError(found) && !end.aborted) end.addEventListener("abort", timer.after(GRACE_MS, () => resolve(late)));
    };
    // What a search throws is met when it is its turn.
    for (const { result } of rest) result.then(giveGrace, () => {});
  });
}
