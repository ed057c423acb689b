/** Which address of this host is mapped. Pure. */
import type { InternetRoute, NetworkFacts } from "../adapters/adapters.ts";
import type { Family } from "./gateway.ts";

/** The way to the internet, from an address that does not change by itself where there is one. */
export function mappedRoute(
  { adapters, internet }: Pick<NetworkFacts, "adapters" | "internet">,
  family: Family,
): InternetRoute | null {
  const route = internet[family];
  if (route === null || family === "ipv4") return route;
  const addresses = adapters.find(({ name }) => name === route.adapter)?.addresses ?? [];
  const own = addresses.filter(({ family, scope }) => family === "ipv6" && scope === "global");
  if (own.find(({ address }) => address === route.address)?.isTemporary !== true) return route;
  const lasting = own.find(({ isTemporary }) => !isTemporary);
  return lasting === undefined ? route : { ...route, address: lasting.address };
}
