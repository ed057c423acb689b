/** NAT-PMP's result codes (RFC 6886 section 3.5), and what each means to us. */
import { GatewayError, type GatewayFault } from "../gateway.ts";

/** The result codes by number; the RFC has no short names for them. */
export const NAT_PMP_RESULTS = [
  { words: "success", fault: null },
  { words: "unsupported version", fault: "unsupported" },
  { words: "not authorized", fault: "not_authorized" },
  { words: "network failure: it has no outer address", fault: "no_address" },
  { words: "out of resources", fault: "no_resources" },
  { words: "unsupported opcode", fault: "unsupported" },
] as const satisfies readonly { readonly words: string; readonly fault: GatewayFault | null }[];

/** The error of a result code that is not success. @param what was asked for, as in `to map port 8080/tcp`. */
export function refusalOf(router: string, what: string, result: number): GatewayError {
  const { words, fault } = NAT_PMP_RESULTS[result] ?? { words: "unknown result", fault: null };
  const message = `The router ${router} refuses by NAT-PMP ${what}: ${words} (result ${result})`;
  return new GatewayError(fault ?? "failed", message);
}
