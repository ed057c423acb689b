/** The services of a slot: their leases, and the variables that follow from these. */
import type { PortdClient } from "../client/client.ts";
import type { LeaseRequest, ServiceRequest } from "../client/wire.ts";
import type { Lease } from "../lease/lease.ts";
import { grantFor, holderOf } from "./grant.ts";
import type { Project } from "./project.ts";
import type { ProjectFile, ServiceEntry } from "./project_file.ts";
import { slotNames } from "./slot.ts";
import { type Filling, fillTemplate } from "./template.ts";

/** A lease as far as the values of a slot speak of it. */
export type SlotPort = Pick<Lease, "port" | "project">;

/** The working copy whose services are shared: the main one. */
export function mainOf(project: Project): Project {
  return project.main ?? project;
}

/** Whose lease that of a service is. */
export function ownerOf({ isShared }: Pick<ServiceEntry, "isShared">, project: Project): Project {
  return isShared ? mainOf(project) : project;
}

/**
 * What is asked for a service. The ports that the file prefers are the main copy's: a linked worktree keeps the port that
 * it had, and would otherwise change it whenever the main copy does not run.
 */
export function requestFor({ request, isShared }: ServiceEntry, project: Project): ServiceRequest {
  if (project.main === undefined || isShared) return request;
  const { prefer: _, ...rest } = request;
  return rest;
}

/**
 * Leases services for a working copy, or answers with the live leases that it has: first those that are shared, so that
 * nothing of this copy is leased where they are refused, then its own, all or none.
 *
 * @param terms are about labels and the end of the leases of this copy; what is shared outlives it.
 * @returns them by the names of the services.
 */
export async function leaseServices(
  client: PortdClient,
  project: Project,
  services: readonly ServiceEntry[],
  terms: Pick<LeaseRequest, "labels" | "lifetime" | "pid"> = {},
): Promise<ReadonlyMap<string, Lease>> {
  const leases = new Map<string, Lease>();
  for (const isShared of [true, false]) {
    const part = services.filter((service) => service.isShared === isShared);
    if (part.length === 0) continue;
    const owner = ownerOf({ isShared }, project);
    const granted = await grantFor(client, {
      project: owner.name,
      services: part.map((service) => requestFor(service, project)),
      holder: { ...holderOf(owner), cwd: owner.root },
      ...(isShared ? {} : terms),
    }, owner);
    for (const [i, { request }] of part.entries()) leases.set(request.name, granted[i]!);
  }
  return leases;
}

/** The variables that follow from the ports of a slot: those of portd.yaml's `values`. @param ports has all that they need. */
export function slotValues(
  { services, values }: ProjectFile,
  project: Project,
  ports: ReadonlyMap<string, SlotPort>,
): readonly (readonly [variable: string, value: string])[] {
  const filling = fillingOf(services, project, ports);
  return values.map(({ variable, value }) => [variable, fillTemplate(value, filling)]);
}

/** The address of a service. */
export function urlOf(
  { services }: Pick<ProjectFile, "services">,
  project: Project,
  name: string,
  ports: ReadonlyMap<string, SlotPort>,
): string {
  return fillingOf(services, project, ports).url(name);
}

function fillingOf(
  services: readonly ServiceEntry[],
  project: Project,
  ports: ReadonlyMap<string, SlotPort>,
): Filling {
  const own = services.find(({ request, isShared }) => !isShared && ports.has(request.name));
  const name = own === undefined ? undefined : ports.get(own.request.name)!.project ?? undefined;
  const filling: Filling = {
    ...slotNames(project, name),
    port: (service) => ports.get(service!)!.port,
    url(service) {
      const { url } = services.find(({ request }) => request.name === service)!;
      return fillTemplate(url, { ...filling, port: (name = service) => filling.port(name) });
    },
  };
  return filling;
}
