/** What `portd open` is to open, and the question before it leases a port that nobody has leased. */
import type { Lease, PortdClient, Protocol } from "../../client/client.ts";
import type { LeaseRequest, PortRequest } from "../../client/wire.ts";
import { PortdError } from "../../errors.ts";
import { holderOf } from "../../project/grant.ts";
import { findProject, findProjectFile } from "../../project/project.ts";
import { confirm } from "../confirm.ts";
import type { CliContext } from "../context.ts";
import { findLease, LEASE_ID, nameIn, type NameOrPort } from "../naming.ts";
import { escapeControls } from "../terminal.ts";
import { listenerText, select, type Selection, type UnleasedPart } from "./leases.ts";

/** What to open. */
export interface Chosen extends Selection {
  readonly port: number;
}

/** Options of {@linkcode choose}. */
export interface ChooseOptions {
  /** Those that were asked for, with a port. */
  readonly protocols: readonly Protocol[];
  /** Whether a service without a lease is to be leased. */
  readonly leasesServices: boolean;
}

/** Finds what to open. @throws {PortdError} for a name without a lease that is not to be leased, with what to do. */
export async function choose(
  context: Pick<CliContext, "cwd" | "process">,
  client: PortdClient,
  target: NameOrPort,
  { protocols, leasesServices }: ChooseOptions,
): Promise<Chosen> {
  if ("port" in target) return { ...target, ...select(await client.describePort(target.port), protocols) };
  let lease: Lease;
  try {
    lease = await findLease(client, target, context.cwd);
  } catch (error) {
    const isMissing = error instanceof PortdError && (error.code === "lease_not_found" || error.code === "lease_ended");
    if (!isMissing) throw error;
    if (leasesServices && !LEASE_ID.test(target.lease)) return await unleasedService(context, target.lease);
    if (error.code !== "lease_not_found") throw error;
    const message = `${error.message}; lease it first (portd lease), or name the port instead`;
    throw new PortdError(error.code, message, error.data);
  }
  return { port: lease.port, leases: [lease], unleased: [] };
}

/** A service of this working copy, or a full name, as `portd lease` would lease it. */
async function unleasedService({ cwd, process }: Pick<CliContext, "cwd" | "process">, text: string): Promise<Chosen> {
  const project = findProject(cwd), file = text.includes("/") ? undefined : findProjectFile(cwd, project);
  let owner = project, wish: PortRequest = {};
  if (file !== undefined) {
    const { findService, ownerOf, readProjectFile, wishOf }: typeof import("../project_services.ts") = await import(
      "../project_services.ts" as string
    );
    const service = findService(readProjectFile(file).services, text, process.stderr);
    wish = wishOf(service, {}, project);
    if (service !== undefined) owner = ownerOf(service, project);
  }
  const { protocols = ["tcp"] } = wish;
  const service = { ...nameIn(owner, text), ...wish, protocols, holder: { ...holderOf(owner), cwd: owner.root } };
  return { port: 0, leases: [], unleased: [{ protocols, listener: undefined, service }] };
}

/** Asks before a port is leased. @throws as {@linkcode confirm} does. */
export async function askToLease(
  context: CliContext,
  port: number,
  { protocols, listener, service }: UnleasedPart,
  yes = false,
): Promise<void> {
  const what = service === undefined ? `port ${port}/${protocols.join("+")}` : fullNameOf(service);
  const unleased = `${what} is not leased`;
  const who = listener === undefined ? "" : `, and ${listenerText(listener)} listens on it`;
  const question = listener === undefined
    ? "Lease it until it is released?"
    : "Lease it to that process, until it ends?";
  await confirm(context, question, { preface: escapeControls(`${unleased}${who}`) + "\n", yes });
}

function fullNameOf({ project, name }: Pick<LeaseRequest, "project" | "name">): string {
  return project ? `${project}/${name}` : `${name}`;
}
