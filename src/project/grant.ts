/** Leases for a checkout: who the holder is, and under which project a name is asked for. */
import type { PortdClient } from "../client/client.ts";
import type { LeaseRequest } from "../client/wire.ts";
import { PortdError } from "../errors.ts";
import type { Lease } from "../lease/lease.ts";
import { distinctName, type Project, shortHash } from "./project.ts";

const LONGEST_HOLDER_ID = 500;

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
