/** Working copies as their leases show them: a lease's holder names the folder. */
import { reasonOf } from "../errors.ts";
import type { Lease } from "../lease/lease.ts";
import { holderOf } from "../project/grant.ts";
import { findProject, findProjectFile } from "../project/project.ts";
import { readProjectFile } from "../project/project_file.ts";
import { ownerOf, slotValues } from "../project/slot_services.ts";

/** One service of a working copy. */
export interface SlotService extends Pick<Lease, "port" | "protocols" | "state"> {
  /** Without the project. */
  readonly name: string;
}

/** One working copy. */
export interface Slot {
  /** As its leases have it: `shop@login`. */
  readonly project: string;
  /** Its folder. */
  readonly root: string;
  /** Whether the folder is there. */
  readonly isThere: boolean;
  readonly services: readonly SlotService[];
  readonly leases: readonly Lease[];
}

/** The holders that working copies are. */
const COPY = /^cli:(.+)$/s;

/** The working copies that have leases with a name, in the order of their names. */
export function slotsOf(leases: readonly Lease[]): readonly Slot[] {
  const named = leases.filter(({ name, project, holder: { id, cwd } }) =>
    name !== null && project !== null && cwd !== null && COPY.test(id)
  );
  const groups = Map.groupBy(named, ({ project, holder }) => JSON.stringify([project, holder.id]));
  return [...groups.values()].map((group) => {
    const { project, holder } = group[0]!, root = holder.cwd!;
    const services = group.map(({ name, port, protocols, state }) => ({
      name: name!.slice(project!.length + 1),
      port,
      protocols,
      state,
    }));
    return { project: project!, root, isThere: isThere(root), services, leases: group };
  }).sort((a, b) => a.project < b.project ? -1 : 1);
}

/** Why a lease of a copy that is gone is not released; `undefined` where it may be. */
export function whyKept(
  { root }: Slot,
  { state, listener, port }: Lease,
  { force }: { readonly force: boolean },
): string | undefined {
  if (state === "listening") return `pid ${listener!.pid} still listens there; portd free ${port} ends both`;
  const above = root.replace(/[\\/][^\\/]*$/, "") || "/";
  if (force || isThere(above)) return undefined;
  return `${above} is not there either, as when a disk is not mounted; --force releases it all the same`;
}

/**
 * The values of a working copy's portd.yaml; empty where it has none, or where not all of its services are leased.
 *
 * @param leases are those of all copies.
 * @param note is told why the file cannot be used.
 */
export function valuesOf(
  { root, isThere }: Pick<Slot, "root" | "isThere">,
  leases: readonly Lease[],
  note: (text: string) => void,
): Readonly<Record<string, string>> {
  const project = findProject(root), file = isThere ? findProjectFile(root, project) : undefined;
  if (file === undefined) return {};
  try {
    const content = readProjectFile(file), ports = new Map<string, Lease>();
    for (const service of content.services) {
      const holder = holderOf(ownerOf(service, project)).id, { name } = service.request;
      const lease = leases.find((one) => one.holder.id === holder && one.name === `${one.project}/${name}`);
      if (lease === undefined) return {};
      ports.set(name, lease);
    }
    return Object.fromEntries(slotValues(content, project, ports));
  } catch (error) {
    note(reasonOf(error));
    return {};
  }
}

function isThere(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    return true; // a folder that we may not look at is there
  }
}
