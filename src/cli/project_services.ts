/**
 * What portd.yaml says of the ports of `portd lease` and `portd run`. They load this file only where there is a
 * portd.yaml: reading YAML takes longer than a lease.
 */
import type { PortRequest } from "../client/wire.ts";
import { readServices, type ServiceEntry } from "../project/project_file.ts";
import { given } from "./context.ts";

export { readServices, type ServiceEntry };

/**
 * What is asked of the port of a service: what the flags say, and what the file says where they say nothing. Flags about
 * where the port is (`port`, `prefer`, `range`) replace all three of the file.
 *
 * @param service is `undefined` where the file does not have it.
 */
export function wishOf(service: ServiceEntry | undefined, flags: PortRequest): PortRequest {
  if (service === undefined) return flags;
  const { port, prefer, range, protocols, hold } = service.request;
  const isPlaced = [flags.port, flags.prefer, flags.range].some((flag) => flag !== undefined);
  return { ...given({ protocols, hold }), ...(isPlaced ? {} : given({ port, prefer, range })), ...flags };
}
