/** The work of `portd lease`. lease_flags.ts has its flags, commands/lease.ts its help; cli.ts says why they are apart. */
import type { LeaseRequest, LifetimeRequest, PortRequest } from "../client/wire.ts";
import type { Lease } from "../lease/lease.ts";
import type { Protocol } from "../port/port.ts";
import { findProject, findProjectFile, type Project } from "../project/project.ts";
import { type CliContext, given, type TextStream } from "./context.ts";
import { findDaemon, withTokenIfAsked } from "./daemon/find.ts";
import { UsageError } from "./exit.ts";
import type { LeaseFlags } from "./lease_flags.ts";
import { nameIn, splitName, titleOf } from "./naming.ts";
import { grantFor, holderOf } from "../project/grant.ts";
import { writeJson, writeLine } from "./terminal.ts";

/** Leases a port, or several, and prints them. */
export async function lease(context: CliContext, flags: LeaseFlags, name?: string): Promise<void> {
  const project = findProject(context.cwd);
  const [request, owner] = await requestOf(context, { flags, name, project });
  const client = await findDaemon(context, flags);
  const leases = await withTokenIfAsked(context, flags, client, (client) => grantFor(client, request, owner));
  const { isTask, process: { stdout, stderr } } = context;
  if (flags.json) writeJson(stdout, isSeveral(flags) ? { leases } : leases[0]);
  else stdout.write(format(leases, flags));
  if (flags.pid !== undefined) { for (const lease of leases) noteEnd(stderr, lease); }
  if (stderr.isTerminal && !flags.json) { for (const lease of leases) noteConflict(stderr, lease); }
  if (!isTask || flags.json || !stdout.isTerminal || !stderr.isTerminal) return;
  const { hintInstall }: typeof import("./install_hint.ts") = await import("./install_hint.ts" as string);
  await hintInstall(context, client, leases);
}

/** A port that is printed may be one on which a stranger listens. */
function noteConflict(stderr: TextStream, { port, state, listener }: Lease): void {
  if (state !== "conflict") return;
  const who = listener?.reason ?? "portd inspect says more";
  writeLine(stderr, `note: a stranger listens on ${port}: ${who}`);
}

/** A command line in its parts. */
interface Words {
  readonly flags: LeaseFlags;
  readonly name: string | undefined;
  readonly project: Project;
}

/** @returns the request, and the working copy for which it is. */
async function requestOf(context: CliContext, words: Words): Promise<readonly [LeaseRequest, Project]> {
  const { flags, name } = words;
  if (name !== undefined && flags.name !== undefined) {
    throw new UsageError("Cannot use NAME together with --name: both name the lease");
  }
  if (flags.udp && flags.both) throw new UsageError("Cannot use --udp together with --both: leave one of them out");
  const { port, owner } = await askedOf(context, words);
  const named = flags.name !== undefined ? splitName(flags.name) : name !== undefined ? nameIn(owner, name) : {};
  const { count, block, ttl: ttlMs, pid, label, wait: waitMs } = flags;
  const lifetime = lifetimeOf(flags), labels = label && Object.fromEntries(label);
  const terms = given({ count, block, lifetime, ttlMs, pid, labels, waitMs });
  const request = {
    ...named,
    protocols: ["tcp"] as const,
    ...port,
    holder: { ...holderOf(owner), cwd: owner.root },
    ...terms,
  };
  const scope = context.env.PORTD_SCOPE;
  return [scope === undefined ? request : await inScope(request, scope), owner];
}

/** The request of a command in a scope of `portd run --scope`: it carries the scope's labels, and ends with it by default. */
async function inScope(request: LeaseRequest, text: string): Promise<LeaseRequest> {
  const { readScope, scopeLabels, scopeTerms }: typeof import("../project/scope.ts") = await import(
    "../project/scope.ts" as string
  );
  const scope = readScope(text), labels = { ...scopeLabels(scope), ...request.labels };
  const hasEnd = request.lifetime !== undefined || request.ttlMs !== undefined || request.pid !== undefined;
  return { ...(hasEnd ? {} : scopeTerms(scope)), ...request, ...(scope && { labels }) };
}

/** What the command line and portd.yaml say of the port, and whose lease it is. */
interface Asked {
  readonly port: PortRequest;
  readonly owner: Project;
}

/** What is asked: by the flags, and by portd.yaml where that has a service of this name. */
async function askedOf({ cwd, process: { stderr } }: CliContext, { flags, name, project }: Words): Promise<Asked> {
  const { port, prefer, range, hold, count, block } = flags;
  const wish = given({ port, prefer, range, hold, protocols: protocolsOf(flags) });
  const isService = name !== undefined && !name.includes("/") && count === undefined && block === undefined;
  const file = isService ? findProjectFile(cwd, project) : undefined;
  if (file === undefined) return { port: wish, owner: project };
  const { findService, ownerOf, readProjectFile, wishOf }: typeof import("./project_services.ts") = await import(
    "./project_services.ts" as string
  );
  const service = findService(readProjectFile(file).services, name!, stderr);
  return { port: wishOf(service, wish, project), owner: service === undefined ? project : ownerOf(service, project) };
}

function lifetimeOf({ ttl, pid, pin }: LeaseFlags): LifetimeRequest | undefined {
  if ([ttl !== undefined, pid !== undefined, pin === true].filter(Boolean).length > 1) {
    throw new UsageError("Cannot use more than one of --ttl, --pid and --pin: each says how long the lease lives");
  }
  return pid !== undefined ? { kind: "process" } : pin ? { kind: "pinned" } : undefined;
}

/** A live lease with a time, or without an end, keeps it: `--pid` does not apply. */
function noteEnd(stderr: TextStream, lease: Lease): void {
  const { lifetime, expiresAt } = lease;
  if (lifetime.kind === "process") return;
  const end = expiresAt === null ? "when it is released" : `at ${expiresAt}`;
  writeLine(stderr, `note: ${titleOf(lease)} ends ${end}, not with the process: its lifetime was asked for before`);
}

function protocolsOf({ udp, both }: LeaseFlags): readonly Protocol[] | undefined {
  return both ? ["tcp", "udp"] : udp ? ["udp"] : undefined;
}

function isSeveral({ count, block }: LeaseFlags): boolean {
  return count !== undefined || block !== undefined;
}

function format(leases: readonly Lease[], flags: LeaseFlags): string {
  const { env } = flags;
  if (env === undefined) return leases.map(({ port }) => `${port}\n`).join("");
  return leases.map(({ port }, i) => `${env}${isSeveral(flags) ? `_${i + 1}` : ""}=${port}\n`).join("");
}
