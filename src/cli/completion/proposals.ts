/** What a shell proposes for names, ports and labels: those that there are now. Loaded when a shell asks. */
import type { Lease } from "../../lease/lease.ts";
import { holderOf } from "../../project/grant.ts";
import { findProject, findProjectFile } from "../../project/project.ts";
import type { ProjectFile } from "../../project/project_file.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";

/** How long the daemon may take: somebody waits at a prompt. */
const PATIENCE_MS = 1000;
/** How many proposals are made: nobody reads more. */
const MOST = 500;

/** Live leases: by the short name those of this working copy, by the full one all others; ports for digits. */
export async function leaseNames(context: CliContext, partial: string): Promise<readonly string[]> {
  const leases = await liveLeases(context);
  if (/^\d/.test(partial)) return propose(leases.map(({ port }) => String(port)), partial);
  const { id } = holderOf(findProject(context.cwd));
  return propose(
    leases.flatMap(({ name, holder }) =>
      name === null ? [] : holder.id === id ? [name.split("/").at(-1)!, name] : [name]
    ),
    partial,
  );
}

/** The services of portd.yaml and the leases of this working copy. */
export async function serviceNames(context: CliContext, partial: string): Promise<readonly string[]> {
  const project = findProject(context.cwd), { id } = holderOf(project);
  const own = (await liveLeases(context)).filter(({ name, holder }) => name !== null && holder.id === id);
  const names = [...await fileServices(context), ...own.map(({ name }) => name!.split("/").at(-1)!)];
  return propose(names, partial);
}

/** The labels of live leases, as `key=value`. */
export async function leaseLabels(context: CliContext, partial: string): Promise<readonly string[]> {
  const leases = await liveLeases(context);
  return propose(leases.flatMap(({ labels }) => Object.entries(labels).map((pair) => pair.join("="))), partial);
}

/** None where no daemon runs or answers in time: an error would stand in the middle of what is typed. */
async function liveLeases(context: CliContext): Promise<readonly Lease[]> {
  try {
    const client = await findDaemon({ ...context, answerMs: PATIENCE_MS }, { noStart: true }, { start: false });
    return (await client.list({ limit: 1000 })).leases;
  } catch {
    return [];
  }
}

/** The variables of portd.yaml. */
export async function slotVariables(context: CliContext): Promise<readonly string[]> {
  const file = await projectFile(context);
  return file === undefined ? [] : [...file.services, ...file.values].map(({ variable }) => variable);
}

async function fileServices(context: CliContext): Promise<readonly string[]> {
  return (await projectFile(context))?.services.map(({ request }) => request.name) ?? [];
}

/** None where the file cannot be used: the command itself says why. */
async function projectFile({ cwd }: CliContext): Promise<ProjectFile | undefined> {
  const file = findProjectFile(cwd, findProject(cwd));
  if (file === undefined) return undefined;
  try {
    const { readProjectFile }: typeof import("../project_services.ts") = await import(
      "../project_services.ts" as string
    );
    return readProjectFile(file);
  } catch {
    return undefined;
  }
}

/** Only what a shell can take as one plain word is proposed. */
function propose(words: readonly string[], partial: string): readonly string[] {
  const plain = words.filter((word) => word.startsWith(partial) && /^[A-Za-z0-9._+@~/:=,-]+$/.test(word));
  return [...new Set(plain)].sort().slice(0, MOST);
}
