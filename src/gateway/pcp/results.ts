/** PCP's result codes (RFC 6887 section 7.4), and what each means to us. */
import type { GatewayFault } from "../gateway.ts";

/** The result codes by number. */
export const PCP_RESULTS = [
  { name: "SUCCESS", fault: null },
  { name: "UNSUPP_VERSION", fault: "unsupported" },
  { name: "NOT_AUTHORIZED", fault: "not_authorized" },
  { name: "MALFORMED_REQUEST", fault: "failed" },
  { name: "UNSUPP_OPCODE", fault: "unsupported" },
  { name: "UNSUPP_OPTION", fault: "unsupported" },
  { name: "MALFORMED_OPTION", fault: "failed" },
  { name: "NETWORK_FAILURE", fault: "no_address" },
  { name: "NO_RESOURCES", fault: "no_resources" },
  { name: "UNSUPP_PROTOCOL", fault: "unsupported" },
  { name: "USER_EX_QUOTA", fault: "no_resources" },
  { name: "CANNOT_PROVIDE_EXTERNAL", fault: "port_taken" },
  { name: "ADDRESS_MISMATCH", fault: "failed" },
  { name: "EXCESSIVE_REMOTE_PEERS", fault: "failed" },
] as const satisfies readonly { readonly name: string; readonly fault: GatewayFault | null }[];

/** The name of a result code. */
export type PcpResultName = (typeof PCP_RESULTS)[number]["name"];

/** The name of a code; `undefined` when the RFC has none. */
export function resultName(code: number): PcpResultName | undefined {
  return PCP_RESULTS[code]?.name;
}

/** The fault of a code that is not success. */
export function resultFault(code: number): GatewayFault {
  return PCP_RESULTS[code]?.fault ?? "failed";
}

/** A code for messages: `NOT_AUTHORIZED (2)`. */
export function describeResult(code: number): string {
  const name = resultName(code);
  return name === undefined ? `result code ${code}` : `${name} (${code})`;
}
