/** From the names that a user types to the names, holders and leases of the daemon. */
import type { LeaseRef, PortdClient } from "../client/client.ts";
import type { LeaseRequest } from "../client/wire.ts";
import { PortdError } from "../errors.ts";
import type { Lease } from "../lease/lease.ts";
import { distinctName, type Project, shortHash } from "../project/project.ts";

/** A full name in its halves. */
export interface LeaseName {
  readonly project?: string;
  readonly name: string;
}

const LONGEST_HOLDER_ID = 500;

/** `a/b/c` → project `a/b`, name `c`; without a slash there is no project. */
export function splitName(text: string): LeaseName {
  const slash = text.lastIndexOf("/");
  return slash === -1 ? { name: text } : { project: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The name as typed: with a slash it is a full name, without one it is of this project. */
export function nameIn(project: Project, text: string): LeaseName {
  return text.includes("/") ? splitName(text) : { project: project.name, name: text };
}

/** Who asks: the checkout, so that the same checkout is the same holder in every process of it. */
export function holderOf(project: Project, command?: string): NonNullable<LeaseRequest["holder"]> {
  // deno-lint-ignore no-control-regex -- a path may hold what an id may not
  const plain = `cli:${project.root.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "?")}`;
  const isUsable = plain === `cli:${project.root}` && plain.length <= LONGEST_HOLDER_ID;
  const id = isUsable ? plain : `${plain.slice(0, LONGEST_HOLDER_ID - 7)}~${shortHash(project.root)}`;
  return command === undefined ? { id } : { id, command };
}

/**
 * Grants what a checkout asks for under its own project. Where another checkout of the same folder name has a lease of
 * that name, the project gets a name that tells the two apart.
 */
export async function grantFor(
  client: PortdClient,
  request: LeaseRequest,
  project: Project,
): Promise<readonly Lease[]> {
  try {
    return await client.grantAll(request);
  } catch (error) {
    if (!isOtherCheckouts(error, request) || request.project !== project.name) throw error;
    return await client.grantAll({ ...request, project: distinctName(project) });
  }
}

function isOtherCheckouts(error: unknown, { holder }: LeaseRequest): boolean {
  return error instanceof PortdError && error.code === "name_taken" && typeof error.data.holderId === "string" &&
    error.data.holderId !== holder?.id && error.data.holderId.startsWith("cli:");
}

/** A lease as typed, as far as that alone tells: a number is a port, 26 characters an id, `a/b` a full name. */
export function parseRef(text: string): LeaseRef | undefined {
  if (/^\d{1,5}$/.test(text)) return { port: Number(text) };
  if (/^[0-9A-HJKMNP-TV-Z]{26}$/.test(text)) return text;
  return text.includes("/") ? { name: text } : undefined;
}

/**
 * The live lease that a user means by NAME|PORT|ID. A name without a project is that of this checkout first, then the
 * one that is called so in a project of this name.
 *
 * @throws {PortdError} `lease_not_found`, or `lease_ended`.
 */
export async function findLease(client: PortdClient, text: string, project: Project): Promise<Lease> {
  const ref = parseRef(text);
  if (ref !== undefined) return await client.get(ref);
  // Not there: the daemon knows whether there has ever been one.
  return pickOwn(await client.listAll({ name: text }), text, project) ??
    await client.get({ name: `${project.name}/${text}` });
}

/** Of leases whose last part is `name`, the one that `name` means in this project. */
export function pickOwn(leases: readonly Lease[], name: string, project: Project): Lease | undefined {
  const { id } = holderOf(project);
  const named = [project.name, distinctName(project)].map((prefix) => `${prefix}/${name}`);
  const ours = leases.filter((lease) => lease.name !== null && named.includes(lease.name));
  return ours.find(({ holder }) => holder.id === id) ?? ours.find((lease) => lease.name === named[0]);
}

/** A lease in a few words: `shop/web (20417/tcp)`. */
export function titleOf({ name, id, port, protocols }: Pick<Lease, "name" | "id" | "port" | "protocols">): string {
  return `${name ?? id} (${port}/${protocols.join("+")})`;
}
