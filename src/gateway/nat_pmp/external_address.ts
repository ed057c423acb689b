/** NAT-PMP's question for the router's outer address (RFC 6886 section 3.2), which routers with PCP answer too. */
import type { RouterPort } from "../router_port.ts";
import { decodeResponse, encodeRequest } from "./codec.ts";
import { refusalOf } from "./results.ts";

/** Options of {@linkcode askExternalAddress}. */
export interface AskOptions {
  readonly mostSendings?: number;
  readonly signal?: AbortSignal | undefined;
  /** Is called with the router's seconds in the answer. */
  readonly onEpoch?: (epochS: number) => void;
}

/** The router's outer address; null where it has none. @throws {GatewayError} */
export async function askExternalAddress(
  router: RouterPort,
  { onEpoch, ...options }: AskOptions = {},
): Promise<string | null> {
  const read = (datagram: Uint8Array) => {
    const response = decodeResponse(datagram);
    return response?.kind === "address" ? response : undefined;
  };
  const { result, epochS, address } = await router.ask({
    request: encodeRequest({ kind: "address" }),
    read,
    ...options,
  });
  onEpoch?.(epochS);
  if (result === 0) return address === "0.0.0.0" ? null : address;
  const refusal = refusalOf(router.address, "to tell its outer address", result);
  if (refusal.fault === "no_address") return null;
  throw refusal;
}
