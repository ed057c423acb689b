/** From the names that a user types to the names, holders and leases of the daemon. */
import type { PortdClient } from "../client/client.ts";
import type { LeaseRequest } from "../client/wire.ts";
import { PortdError } from "../errors.ts";
import type { Lease } from "../lease/lease.ts";
import { portExpected, readPort } from "../port/port.ts";
import { distinctName, findProject, type Project, shortHash } from "../project/project.ts";
import { UsageError } from "./exit.ts";

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

/** The holder is the checkout, so that every process in the same checkout is the same holder. */
export function holderOf(project: Project, command?: string): NonNullable<LeaseRequest["holder"]> {
  // deno-lint-ignore no-control-regex -- a path may have characters that an id may not have
  const plain = `cli:${project.root.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "?")}`;
  const isUsable = plain === `cli:${project.root}` && plain.length <= LONGEST_HOLDER_ID;
  const id = isUsable ? plain : `${plain.slice(0, LONGEST_HOLDER_ID - 7)}~${shortHash(project.root)}`;
  return command === undefined ? { id } : { id, command };
}

/**
 * Grants what a checkout asks for under its project. Where another checkout with the same folder name has a lease of
 * that name, the project's name gets a suffix that makes it another one.
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

/** What NAME|PORT stands for: a port, or a lease by its name or id. */
export type NameOrPort = { readonly port: number } | { readonly lease: string };

const LEASE_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

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
