/**
 * What portd.yaml says of the ports of `portd lease` and `portd run`. They load this file only where there is a
 * portd.yaml: reading YAML takes longer than a lease.
 */
import type { PortRequest } from "../client/wire.ts";
import type { Project } from "../project/project.ts";
import { neededBy, type ProjectFile, readProjectFile, type ServiceEntry } from "../project/project_file.ts";
import { leaseServices, ownerOf, requestFor, slotValues, urlOf } from "../project/slot_services.ts";
import { closest } from "../suggest.ts";
import { given, type TextStream } from "./context.ts";
import { writeLine } from "./terminal.ts";

export { leaseServices, neededBy, ownerOf, type ProjectFile, readProjectFile, type ServiceEntry, slotValues, urlOf };

/** The service of this name; where portd.yaml has one of a similar name alone, stderr says so: the name may be misspelt. */
export function findService(
  services: readonly ServiceEntry[],
  name: string,
  stderr: TextStream,
): ServiceEntry | undefined {
  const found = services.find(({ request }) => request.name === name);
  const near = found === undefined ? closest(name, services.map(({ request }) => request.name)) : undefined;
  if (near !== undefined) writeLine(stderr, `note: portd.yaml has no service ${name}; did you mean ${near}?`);
  return found;
}

/**
 * What is asked of the port of a service: what the flags say, and what the file says where they say nothing. Flags about
 * where the port is (`port`, `prefer`, `range`) replace all three of the file.
 *
 * @param service is `undefined` where the file does not have it.
 */
export function wishOf(service: ServiceEntry | undefined, flags: PortRequest, project: Project): PortRequest {
  if (service === undefined) return flags;
  const { port, prefer, range, protocols, hold } = requestFor(service, project);
  const isPlaced = [flags.port, flags.prefer, flags.range].some((flag) => flag !== undefined);
  return { ...given({ protocols, hold }), ...(isPlaced ? {} : given({ port, prefer, range })), ...flags };
}
