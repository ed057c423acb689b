/** From the names that a user types to the names, holders and leases of the daemon. */
import type { PortdClient } from "../client/client.ts";
import type { Lease } from "../lease/lease.ts";
import { portExpected, readPort } from "../port/port.ts";
import { holderOf } from "../project/grant.ts";
import { distinctName, findProject, type Project } from "../project/project.ts";
import { UsageError } from "./exit.ts";

/** A full name in its halves. */
export interface LeaseName {
  readonly project?: string;
  readonly name: string;
}

/** `a/b/c` → project `a/b`, name `c`; without a slash there is no project. */
export function splitName(text: string): LeaseName {
  const slash = text.lastIndexOf("/");
  return slash === -1 ? { name: text } : { project: text.slice(0, slash), name: text.slice(slash + 1) };
}

/**
 * A name as it was typed: with a slash it is a full name, without one it belongs to this project.
 *
 * @throws {UsageError} for digits alone: whoever types them means the port.
 */
export function nameIn(project: Project, text: string): LeaseName {
  if (/^\d+$/.test(text)) {
    const ways = readPort(text, 0) === undefined
      ? `, which must be from 0 to 65535; for a service of that name write --name ${text}`
      : `; to lease that port write --port ${text}, and for a service of that name --name ${text}`;
    throw new UsageError(`Cannot use "${text}" for NAME: digits alone are a port${ways}`);
  }
  return text.includes("/") ? splitName(text) : { project: project.name, name: text };
}

/** What NAME|PORT stands for: a port, or a lease by its name or id. */
export type NameOrPort = { readonly port: number } | { readonly lease: string };

/** The form of a lease's id. */
export const LEASE_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** Reads NAME|PORT: digits alone are a port. @throws {UsageError} for digits that are no port. */
export function parseNameOrPort(text: string, leastPort: 0 | 1 = 1): NameOrPort {
  if (!/^-?\d+$/.test(text)) return { lease: text };
  const port = readPort(text, leastPort);
  if (port !== undefined) return { port };
  throw new UsageError(`Cannot use "${text}" for NAME|PORT: must be ${portExpected(leastPort)}, or a name`);
}

/**
 * The live lease of a target. A name without a slash is looked for among the leases of the checkout of `cwd` first, then
 * among those of a project with its name.
 *
 * @throws {PortdError} `lease_not_found`, or `lease_ended`.
 */
export async function findLease(client: PortdClient, target: NameOrPort, cwd: string): Promise<Lease> {
  if ("port" in target) return await client.get(target);
  const { lease } = target;
  if (LEASE_ID.test(lease)) return await client.get(lease);
  if (lease.includes("/")) return await client.get({ name: lease });
  // Where there is none, the daemon says whether there has ever been one.
  return pickOwn(await client.listAll({ name: lease }), lease, findProject(cwd)) ??
    await client.get({ name: fullName(lease, cwd) });
}

/** What a lease is called that was typed in `cwd`: its full name, or its id. */
export function fullName(lease: string, cwd: string): string {
  return LEASE_ID.test(lease) || lease.includes("/") ? lease : `${findProject(cwd).name}/${lease}`;
}

/** Of leases whose last part is `name`, the one that `name` means in this project. */
function pickOwn(leases: readonly Lease[], name: string, project: Project): Lease | undefined {
  const { id } = holderOf(project);
  const named = [project.name, distinctName(project)].map((prefix) => `${prefix}/${name}`);
  const ours = leases.filter((lease) => lease.name !== null && named.includes(lease.name));
  return ours.find(({ holder }) => holder.id === id) ?? ours.find((lease) => lease.name === named[0]);
}

/** A lease in a few words: `shop/web (20417/tcp)`. */
export function titleOf({ name, id, port, protocols }: Pick<Lease, "name" | "id" | "port" | "protocols">): string {
  return `${name ?? id} (${port}/${protocols.join("+")})`;
}
