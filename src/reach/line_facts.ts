/** The line as a check sees it: what is known, with what the router has just said of its outer address. Pure. */
import type { NetworkFacts } from "../adapters/adapters.ts";
import type { Line } from "../line/line.ts";
import { judgeLine } from "../line/verdict.ts";
import type { FoundGateway } from "./facts.ts";

/** What was seen by STUN counts; without it, what the router says now. */
export function lineOf(known: Line, gateway: FoundGateway | null, { internet, adapters }: NetworkFacts): Line {
  if (known.sampledAt !== null || gateway?.externalAddress === undefined) return known;
  const addresses = adapters.flatMap(({ addresses }) => addresses);
  return judgeLine({
    look: null,
    routerAddress: gateway?.externalAddress,
    tunnel: adapters.find(({ name, kind }) => name === internet.ipv4?.adapter && kind === "tunnel")?.name ?? null,
    localAddress: internet.ipv4?.address ?? null,
    ipv6Addresses: addresses.filter(({ family }) => family === "ipv6").map(({ address }) => address),
  });
}
