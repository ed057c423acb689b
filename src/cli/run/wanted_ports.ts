/** Which ports `portd run` leases: those of the names that were given, else those of portd.yaml, else any port. */
import type { LeaseRequest, PortRequest } from "../../client/wire.ts";
import { findProjectFile, type Project } from "../../project/project.ts";
import { type CliContext, given } from "../context.ts";
import { UsageError } from "../exit.ts";
import { type LeaseName, nameIn, splitName } from "../naming.ts";

/** One port. */
export interface WantedPort {
  /** `undefined` for a lease without a name. */
  readonly named: LeaseName | undefined;
  readonly wish: PortRequest;
  /** The variable that portd.yaml has for it. */
  readonly variable: string | undefined;
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
export async function findWantedPorts({ cwd, process }: CliContext, words: PortWords): Promise<readonly WantedPort[]> {
  const { project, names, fullName, wish } = words;
  if (fullName !== undefined) {
    if (names.length > 0) throw new UsageError("Cannot use NAME together with --name: both name the lease");
    return [{ named: splitName(fullName), wish, variable: undefined }];
  }
  const typed = names.map((name) => nameIn(project, name));
  const isOwn = (name: string) => !name.includes("/");
  const file = names.length === 0 || names.some(isOwn) ? findProjectFile(cwd, project) : undefined;
  if (file === undefined) {
    const all = typed.length === 0 ? [undefined] : typed;
    return checkTogether(all.map((named) => ({ named, wish, variable: undefined })), words);
  }
  const { findService, readServices, wishOf }: typeof import("../project_services.ts") = await import(
    "../project_services.ts" as string
  );
  const services = readServices(file);
  const all = names.length === 0 ? services.map(({ request }) => request.name) : names;
  return checkTogether(
    all.map((name) => {
      const service = isOwn(name) ? findService(services, name, process.stderr) : undefined;
      return { named: nameOf(name, words), wish: wishOf(service, wish), variable: service?.variable };
    }),
    words,
  );
}

/** A service of portd.yaml may have a name of digits. */
function nameOf(name: string, { names, project }: PortWords): LeaseName {
  return names.length === 0 ? { project: project.name, name } : nameIn(project, name);
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

/** The part of a request that is about ports. @param flags replace the wishes for each of them. */
export function portsRequest(wanted: readonly WantedPort[], flags: PortRequest): LeaseRequest {
  const { project, name } = wanted[0]!.named ?? {};
  if (wanted.length === 1) return { ...given({ project, name }), ...wanted[0]!.wish, ...flags };
  const services = wanted.map(({ named, wish }) => ({ name: named!.name, ...wish, ...flags }));
  return { ...given({ project }), services };
}
