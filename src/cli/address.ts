/** The address at which a leased service is opened on this machine. */
import type { Lease } from "../lease/lease.ts";
import { holderOf } from "../project/grant.ts";
import { findProject, findProjectFile } from "../project/project.ts";

/**
 * The address of a lease: that of `url` in the portd.yaml of the project of `cwd`, else `http://localhost:PORT`, and for
 * UDP `localhost:PORT`.
 *
 * @param find finds the lease of another service, whose port the address may have too; what it throws is passed on.
 */
export async function addressOf(cwd: string, lease: Lease, find: (name: string) => Promise<Lease>): Promise<string> {
  const fallback = lease.protocols.includes("tcp") ? `http://localhost:${lease.port}` : `localhost:${lease.port}`;
  const project = findProject(cwd), name = lease.name?.split("/").at(-1);
  const file = findProjectFile(cwd, project);
  if (name === undefined || file === undefined) return fallback;
  const { neededBy, ownerOf, readProjectFile, urlOf }: typeof import("./project_services.ts") = await import(
    "./project_services.ts" as string
  );
  const content = readProjectFile(file);
  const service = content.services.find(({ request }) => request.name === name);
  if (service === undefined || holderOf(ownerOf(service, project)).id !== lease.holder.id) return fallback;
  const ports = new Map([[name, lease]]);
  const others = neededBy({ ...content, values: [] }, [name]);
  for (const other of others) if (!ports.has(other)) ports.set(other, await find(other));
  return urlOf(content, project, name, ports);
}
