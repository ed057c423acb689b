/** What a command of `portd run` gets of its slot besides its own ports: the values of portd.yaml. */
import type { PortdClient } from "../../client/client.ts";
import type { Lease } from "../../lease/lease.ts";
import type { Project } from "../../project/project.ts";
import { type Scope, scopeTerms } from "../../project/scope.ts";
import type { Wanted } from "./wanted_ports.ts";

/** The variables, where the command has these leases of its own. */
export type SlotVariables = (own: readonly Lease[]) => Readonly<Record<string, string>>;

/**
 * Leases the services that the command does not run itself and whose ports it has to know; they stay when it ends, unless a scope ends
 * with it.
 *
 * @returns `undefined` where there is no portd.yaml.
 */
export async function openSlot(
  client: PortdClient,
  project: Project,
  { ports, slot }: Wanted,
  scope: Scope | undefined,
): Promise<SlotVariables | undefined> {
  if (slot === undefined) return undefined;
  const { file, others } = slot;
  const { leaseServices, slotValues }: typeof import("../project_services.ts") = await import(
    "../project_services.ts" as string
  );
  const known = await leaseServices(client, project, others, scopeTerms(scope));
  const variables = others.map(({ request, variable }) => [variable, String(known.get(request.name)!.port)] as const);
  return (own) => {
    const all = new Map([...known, ...own.map((lease, i) => [ports[i]!.named?.name ?? "", lease] as const)]);
    return Object.fromEntries([...variables, ...slotValues(file, project, all)]);
  };
}
