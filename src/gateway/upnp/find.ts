/** The router by UPnP: searched for, its description read, the service chosen. */
import type { InternetRoute } from "../../adapters/adapters.ts";
import { type Gateway, GatewayError } from "../gateway.ts";
import { Calls, type CallsOptions } from "./calls.ts";
import { isConnected, UpnpRouter } from "./client.ts";
import { type Description, fetchDescription, FIREWALL_TYPE, type Service } from "./description.ts";
import type { Target } from "./http.ts";
import { UpnpFirewall } from "./pinhole.ts";
import type { Home } from "./place.ts";
import { type SearchOptions, searchRouter } from "./ssdp.ts";

/** Options of {@linkcode findUpnp}. */
export interface FindUpnpOptions extends CallsOptions {
  /** The way to the internet: of IPv6 for pinholes, of IPv4 for mappings. */
  readonly route: InternetRoute;
  /**
   * The way to the internet over IPv4, for a search of pinholes: many routers answer searches over IPv4 alone, and have
   * the same description over both.
   */
  readonly ipv4Route?: InternetRoute | null;
  readonly signal?: AbortSignal | undefined;
  /** Of the search. */
  readonly search?: Omit<SearchOptions, "signal">;
}

/**
 * Finds the router.
 *
 * @throws {GatewayError} `silent` where nothing answers, `unsupported` where a router answers that has no such service,
 * `failed` where what it says is of no use.
 * @throws the signal's reason.
 */
export async function findUpnp(options: FindUpnpOptions): Promise<Gateway> {
  const home = homeOf(options.route);
  const { name, services } = await findServices(home, options);
  const service = await chooseService(services, home, options);
  return new (home.family === "ipv4" ? UpnpRouter : UpnpFirewall)(service, home, { ...options, name });
}

function homeOf({ address, gateway }: InternetRoute): Home {
  if (gateway === null) throw new GatewayError("silent", `The way to the internet from ${address} has no router`);
  return { family: address.includes(":") ? "ipv6" : "ipv4", gateway, localAddress: address };
}

/** The first description that has services of the family. */
async function findServices(home: Home, options: FindUpnpOptions): Promise<Description> {
  let failure = new GatewayError(
    "unsupported",
    `The router ${home.gateway} answers by UPnP, but ${
      home.family === "ipv4" ? "forwards no ports" : "has no pinholes"
    }`,
  );
  for (const target of await search(home, options)) {
    try {
      const { exchangeMs: limitMs = 5000, signal } = options;
      const description = await fetchDescription(target, home, { localAddress: home.localAddress, limitMs, signal });
      const services = description.services.filter(({ type }) => (type === FIREWALL_TYPE) === (home.family === "ipv6"));
      if (services.length > 0) return { name: description.name, services };
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Where descriptions may be. A search over IPv6 that fails is as good as one over IPv4 that ran meanwhile. */
async function search(home: Home, options: FindUpnpOptions): Promise<readonly Target[]> {
  const { ipv4Route, signal } = options, searchOptions = { ...options.search, signal };
  if (home.family === "ipv4" || !ipv4Route?.gateway) return await searchRouter(home, searchOptions);
  const ending = new AbortController();
  const other = searchRouter(homeOf(ipv4Route), { ...searchOptions, signal: anyOf(signal, ending.signal) });
  other.catch(() => {}); // its failure counts only where the search over IPv6 has failed too
  try {
    return await searchRouter(home, searchOptions);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return (await other).map((target) => ({ ...target, address: home.gateway }));
  } finally {
    ending.abort();
  }
}

function anyOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}

/** The first service that is connected to the internet; where none says so, the first. There is one or more. */
async function chooseService(services: readonly Service[], home: Home, options: FindUpnpOptions): Promise<Service> {
  const [first] = services;
  if (first === undefined) throw new RangeError("There is no service to choose");
  if (services.length === 1 || home.family === "ipv6") return first;
  for (const service of services) {
    if (await saysConnected(service, home, options)) return service;
  }
  return first;
}

async function saysConnected(service: Service, home: Home, options: FindUpnpOptions): Promise<boolean> {
  const calls = new Calls(service, home, options);
  try {
    return await calls.run(isConnected, { signal: options.signal });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof GatewayError) return false;
    throw error;
  } finally {
    calls.close();
  }
}
