/** Why the daemon cannot listen, where its user can do something about it. Pure. */
import { PortdError } from "../errors.ts";

/** Where it was to listen. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** @returns the same error where it is of another kind. */
export function explainListenFailure(cause: unknown, { hostname, port }: Address, os = Deno.build.os): unknown {
  const address = `${hostname}:${port}`;
  if (cause instanceof Deno.errors.AddrInUse) {
    return new PortdError("port_in_use", `Cannot listen on ${address}: another program does`, { port }, { cause });
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    const message =
      `Cannot listen on ${address}: this machine has no such address; give portd another one (PORTD_LISTEN)`;
    return new Error(message, { cause });
  }
  if (!(cause instanceof Deno.errors.PermissionDenied)) return cause;
  if (os !== "windows") {
    return new PortdError("port_privileged", `Cannot listen on ${address}: no permission`, { port }, { cause });
  }
  const message =
    `Cannot listen on ${address}: Windows denies access to the port; either a program has it for itself, or ` +
    "Hyper-V, WinNAT or another service has taken it (netsh int ipv4 show excludedportrange protocol=tcp); give portd " +
    "another address (PORTD_LISTEN)";
  return new PortdError("port_excluded", message, { port }, { cause });
}
