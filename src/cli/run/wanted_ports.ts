/** Which ports `portd run` leases: those of the names that were given, else those of portd.yaml, else any port. */
import type { PortdClient } from "../../client/client.ts";
import type { LeaseRequest, PortRequest } from "../../client/wire.ts";
import type { Lease } from "../../lease/lease.ts";
import { holderOf } from "../../project/grant.ts";
import { distinctName, findProjectFile, type Project } from "../../project/project.ts";
import { type CliContext, given, type TextStream } from "../context.ts";
import { UsageError } from "../exit.ts";
import { type LeaseName, nameIn, splitName } from "../naming.ts";
import type { ProjectFile, ServiceEntry } from "../project_services.ts";

/** One port. */
export interface WantedPort {
  /** `undefined` for a lease without a name. */
  readonly named: LeaseName | undefined;
  readonly wish: PortRequest;
  /** The variable that portd.yaml has for it. */
  readonly variable: string | undefined;
  /** The dev server that portd.yaml names for it. */
  readonly framework?: string | undefined;
}

/** The ports of a command, and what else it gets of the slot. */
export interface Wanted {
  readonly ports: readonly WantedPort[];
  /** The working copy whose leases they are. */
  readonly owner: Project;
  /** Of a project with a portd.yaml: the file, and those of its services of which the command only has to know. */
  readonly slot: { readonly file: ProjectFile; readonly others: readonly ServiceEntry[] } | undefined;
}

/** What a command line says about the ports. */
export interface PortWords {
  readonly project: Project;
  readonly names: readonly string[];
  /** The full name of `--name`. */
  readonly fullName: string | undefined;
  /** What the flags ask of each port. */
  readonly wish: PortRequest;
}

/** @throws {UsageError} for names and flags that contradict each other. */
export async function findWantedPorts({ cwd, process }: CliContext, words: PortWords): Promise<Wanted> {
  const { project, names, fullName, wish } = words;
  if (fullName !== undefined) {
    if (names.length > 0) throw new UsageError("Cannot use NAME together with --name: both name the lease");
    const ports = [{ named: splitName(fullName), wish, variable: undefined }];
    return { ports, owner: project, slot: undefined };
  }
  const file = names.length === 0 || names.some(isOwn) ? findProjectFile(cwd, project) : undefined;
  if (file === undefined) {
    const all = names.length === 0 ? [undefined] : names.map((name) => nameIn(project, name));
    const ports = checkTogether(all.map((named) => ({ named, wish, variable: undefined })), words);
    return { ports, owner: project, slot: undefined };
  }
  const services: typeof import("../project_services.ts") = await import("../project_services.ts" as string);
  return wantedOf(services.readProjectFile(file), words, { ...services, stderr: process.stderr });
}

type ServiceWork = Pick<typeof import("../project_services.ts"), "findService" | "neededBy" | "ownerOf" | "wishOf"> & {
  readonly stderr: TextStream;
};

/** Without names all services of the working copy are the command's; those that are shared it only has to know. */
function wantedOf(
  file: ProjectFile,
  words: PortWords,
  { findService, neededBy, ownerOf, wishOf, stderr }: ServiceWork,
) {
  const { project, names, wish } = words;
  const own = file.services.filter(({ isShared }) => !isShared).map(({ request }) => request.name);
  const all = names.length > 0 ? names : own.length > 0 ? own : file.services.map(({ request }) => request.name);
  const found = all.map((name) => isOwn(name) ? findService(file.services, name, stderr) : undefined);
  const owners = found.map((service) => service === undefined ? project : ownerOf(service, project));
  const ports = all.map((name, i) => {
    const service = found[i], owner = owners[i]!;
    // A service of portd.yaml may have a name of digits.
    const named = names.length === 0 ? { project: owner.name, name } : nameIn(owner, name);
    const { variable, framework } = service ?? {};
    return { named, wish: wishOf(service, wish, project), variable, framework };
  });
  const needed = neededBy(file, []);
  const others = file.services.filter(({ request: { name }, isShared }) =>
    !all.includes(name) && (needed.has(name) || (names.length === 0 && isShared))
  );
  return { ports: checkTogether(ports, words), owner: owners[0]!, slot: { file, others } };
}

function isOwn(name: string): boolean {
  return !name.includes("/");
}

/** @returns the same ports. @throws {UsageError} where they cannot be leased together. */
function checkTogether(wanted: readonly WantedPort[], { names, wish }: PortWords): readonly WantedPort[] {
  if (new Set(wanted.map(({ named }) => named?.project)).size > 1) {
    throw new UsageError("Cannot lease for several projects at once: run a command for each");
  }
  if (wanted.length === 1 || (wish.port === undefined && wish.prefer === undefined)) return wanted;
  const services = wanted.map(({ named }) => named!.name).join(", ");
  throw new UsageError(
    names.length > 0
      ? "Cannot use --port or --prefer with several names: they are for one port"
      : `Cannot use --port or --prefer for all services of portd.yaml: name the one that they are for (${services})`,
  );
}

/**
 * The same with the side ports of the first one, behind the others. Where portd.yaml has a service of such a name, it says
 * which port that is.
 *
 * @param wish is what the flags ask of the first port.
 */
export async function withSides(
  { ports, owner, slot }: Wanted,
  sides: readonly string[],
  { project, wish: { hold } }: { readonly project: Project; readonly wish: PortRequest },
): Promise<Wanted> {
  const more = sides.filter((side) => !ports.some(({ named }) => named?.name === side));
  if (more.length === 0) return { ports, owner, slot };
  const services: typeof import("../project_services.ts") | undefined = slot &&
    await import("../project_services.ts" as string);
  const added = more.map((name): WantedPort => {
    const service = slot?.file.services.find(({ request }) => request.name === name);
    const wish = services?.wishOf(service, given({ hold }), project) ?? given({ hold });
    return { named: { ...ports[0]!.named!, name }, wish, variable: service?.variable };
  });
  const others = slot?.others.filter(({ request: { name } }) => !more.includes(name));
  return { ports: [...ports, ...added], owner, slot: slot && { ...slot, others: others! } };
}

/** The part of a request that is about ports. @param flags replace the wishes for each of them. */
export function portsRequest(wanted: readonly WantedPort[], flags: PortRequest): LeaseRequest {
  const { project, name } = wanted[0]!.named ?? {};
  if (wanted.length === 1) return { ...given({ project, name }), ...wanted[0]!.wish, ...flags };
  const services = wanted.map(({ named, wish }) => ({ name: named!.name, ...wish, ...flags }));
  return { ...given({ project }), services };
}

/** The leases of these names for which a process of the same working copy listens, as the daemon saw it last. */
export async function findListening(client: PortdClient, { ports, owner }: Wanted): Promise<readonly Lease[]> {
  const { id } = holderOf(owner);
  const found = await Promise.all(ports.map(async ({ named }) => {
    if (named === undefined) return [];
    const { project, name } = named;
    const projects = project === owner.name ? [project, distinctName(owner)] : [project];
    const names = projects.map((each) => each === undefined ? name : `${each}/${name}`);
    const leases = await client.listAll({ name, state: "listening" });
    return leases.filter((lease) => lease.holder.id === id && lease.name !== null && names.includes(lease.name));
  }));
  return found.flat();
}
