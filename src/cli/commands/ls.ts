/** `portd ls`: leases as a table. */
import type { CallOptions, PortdClient } from "../../client/client.ts";
import type { LeaseFilter, Mapping } from "../../client/wire.ts";
import { isLive, type Lease, LEASE_STATES } from "../../lease/lease.ts";
import { shortCommand } from "../../process/command_line.ts";
import { distinctName, findProject, type Project } from "../../project/project.ts";
import { LEASE_FIELDS } from "../answer.ts";
import {
  choiceFlag,
  COMMON_FLAGS,
  defineCommand,
  type FlagsOf,
  labelFlag,
  parsedFlag,
  switchFlag,
  textFlag,
} from "../command.ts";
import { type CliContext, type CliProcess, given, type TextStream } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { UsageError } from "../exit.ts";
import { formatDuration } from "../../duration.ts";
import { stateCell } from "../lease_state.ts";
import { titleOf } from "../naming.ts";
import { outsideText } from "../open/mapping_text.ts";
import { holderOf } from "../../project/grant.ts";
import { parsePort } from "../parse.ts";
import { type Cell, type Column, shortenMiddle, table, writeTable } from "../table.ts";
import {
  columnTime,
  escapeControls,
  hasColour,
  widthOf,
  writeBehind,
  writeHint,
  writeJson,
  writeLine,
} from "../terminal.ts";
import { checkWatch, watch } from "../watch.ts";

const HEAD = [
  { title: "NAME", least: 10, cut: shortenMiddle },
  "PORT",
  { title: "PROTO", spare: 1 },
  "STATE",
  { title: "PID", spare: 3 },
  { title: "COMMAND", least: 12, cut: shortCommand, spare: 2 },
] as const;

const FLAGS = {
  name: textFlag("NAME", "Leases with this full name, or this name behind the last /"),
  port: parsedFlag("N", "Leases on this port", (text) => parsePort(text)),
  state: choiceFlag(LEASE_STATES, "Leases in this state"),
  project: textFlag("PROJECT", "Leases of this project"),
  label: labelFlag("Leases with this label"),
  ended: switchFlag("Ended leases instead of live ones, the last ended first"),
  all: switchFlag("Live leases, then ended ones"),
  watch: switchFlag("Draw the list again when something changes, until Ctrl-C"),
  ...COMMON_FLAGS,
};

type ListFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  answer: { fields: LEASE_FIELDS, list: "leases" },
  flags: FLAGS,
  help: `Lists the live leases of this machine: those of this project first, then those of all others. PID and COMMAND
are those of the listener, or of the holder when nothing listens. EXPIRES is the time until a live lease ends, "-" if
it has no fixed end, and with --watch the time of that end; OUTSIDE is where the internet finds a lease that wants the router, with the state of its mapping;
ENDED is the time at which a lease ended.`,
  usage: [
    "[FLAGS]",
    { input: "--project shop", brief: "the leases of one project alone" },
    { input: "--state conflict", brief: "leases whose port another process uses" },
    { input: "--ended --json", brief: "ended leases as JSON" },
    { input: "--watch", brief: "a list that is always up to date" },
  ],
  async run(context, flags) {
    if (flags.watch) return await watchLeases(context, flags);
    const { leases, mappings } = await look(await findDaemon(context, flags), flags);
    const { process } = context, { stdout, stderr } = process;
    if (flags.json) return writeJson(stdout, { leases, ...(mappings && { mappings }) });
    if (leases.length === 0) {
      writeLine(stderr, nothingText(flags));
      if (criteriaText(flags) === "" && !flags.ended) {
        writeHint(process, 'portd lease web leases a port for "web" of this project');
      }
      return;
    }
    const isOwn = ownedBy(findProject(context.cwd));
    const ordered = inOrder(leases, { isOwn, conflictsFirst: hasColour(stdout) });
    writeTable(stdout, ...partsOf(stdout, ordered, { mappings }));
    for (const conflict of ordered.flatMap(conflictOf)) writeBehind(stderr, "", conflict);
    hint(process, ordered, isOwn);
  },
});

/** What is listed. */
interface Listing {
  readonly leases: readonly Lease[];
  /** Those of leases that want the router, where one does. */
  readonly mappings: readonly Mapping[] | undefined;
}

async function look(client: PortdClient, flags: ListFlags, options: CallOptions = {}): Promise<Listing> {
  const leases: Lease[] = [];
  for (const filter of filtersOf(flags)) leases.push(...await client.listAll(filter, options));
  const mappings = leases.some(wantsRouter) ? (await client.gateway(options)).mappings : undefined;
  return { leases, mappings };
}

/** @throws {UsageError} where ended leases are asked for: there may be 200,000 of them. */
async function watchLeases(context: CliContext, flags: ListFlags): Promise<void> {
  checkWatch(context, flags);
  if (filtersOf(flags).some(({ ended }) => ended)) {
    throw new UsageError("Cannot use --watch for ended leases; portd events --type lease prints what ends");
  }
  const client = await findDaemon(context, flags), isOwn = ownedBy(findProject(context.cwd));
  await watch(context, {
    client: () => client,
    async look(signal) {
      const { leases, mappings } = await look(client, flags, { signal });
      if (leases.length === 0) return () => `${escapeControls(nothingText(flags))}\n`;
      const ordered = inOrder(leases, { isOwn, conflictsFirst: true });
      const conflicts = ordered.flatMap(conflictOf).map((text) => `${escapeControls(text)}\n`).join("");
      return (stdout) => {
        const options = { width: widthOf(stdout), getColorDepth: stdout.getColorDepth };
        return table(...partsOf(stdout, ordered, { mappings, isWatched: true }), options) + conflicts;
      };
    },
  });
}

function nothingText(flags: ListFlags): string {
  const asked = criteriaText(flags);
  return asked === "" ? "no leases" : `no lease matches ${asked}`;
}

/** The flags that leave leases out, as they are typed. */
function criteriaText({ name, port, state, project, label }: ListFlags): string {
  const criteria = given({ name, port, state, project, label: label?.join("=") });
  return Object.entries(criteria).map(([flag, value]) => `--${flag} ${value}`).join(" ");
}

function filtersOf({ name, port, state, project, label, ended, all }: ListFlags): readonly LeaseFilter[] {
  const filter = given({ name, port, state, project, label: label?.join("=") });
  const endedFilter = { ...filter, ended: true };
  if (all) return [filter, endedFilter];
  // A state that no live lease has asks for ended leases.
  return [ended || (state !== undefined && !isLive(state)) ? endedFilter : filter];
}

type IsOwn = (lease: Lease) => boolean;

/** Whether a lease is one of this project: its checkout holds it, or a client that named the project and no checkout. */
function ownedBy(project: Project): IsOwn {
  const { id } = holderOf(project), names = [project.name, distinctName(project)];
  return (lease) =>
    lease.holder.id === id ||
    (lease.project !== null && names.includes(lease.project) && !lease.holder.id.startsWith("cli:"));
}

/** The live leases of this project, those of others, and then what has ended; the conflicts of each part may come first. */
function inOrder(
  leases: readonly Lease[],
  { isOwn, conflictsFirst }: { readonly isOwn: IsOwn; readonly conflictsFirst: boolean },
): readonly Lease[] {
  const placeOf = (lease: Lease) => {
    if (!isLive(lease.state)) return 4;
    return (isOwn(lease) ? 0 : 2) + (conflictsFirst && lease.state !== "conflict" ? 1 : 0);
  };
  return leases.toSorted((a, b) => placeOf(a) - placeOf(b));
}

/**
 * The head and the rows of the table.
 *
 * @param isWatched makes EXPIRES the time of the end, since the time that is left changes all the while.
 */
function partsOf(
  stdout: TextStream,
  leases: readonly Lease[],
  { mappings, isWatched = false }: Pick<Listing, "mappings"> & { readonly isWatched?: boolean },
): [head: readonly (string | Column)[], rows: readonly (readonly Cell[])[]] {
  const hasLive = leases.some(({ endedAt }) => endedAt === null);
  const hasEnded = leases.some(({ endedAt }) => endedAt !== null);
  const outside = { title: "OUTSIDE", least: 20, cut: shortenMiddle, spare: 4 } as const;
  const head = [
    ...HEAD,
    ...(mappings === undefined ? [] : [outside]),
    ...(hasLive ? ["EXPIRES"] : []),
    ...(hasEnded ? ["ENDED"] : []),
  ];
  const now = new Date();
  const timeOf = (instant: string | null) => instant === null ? "-" : columnTime(stdout, instant, now);
  const leftOf = (instant: string | null) =>
    instant === null ? "-" : formatDuration(Date.parse(instant) - now.getTime());
  return [
    head,
    leases.map((lease) => [
      ...cellsOf(lease),
      ...(mappings === undefined ? [] : [outsideCell(lease, mappings)]),
      ...(hasLive ? [isWatched ? timeOf(lease.expiresAt) : leftOf(lease.expiresAt)] : []),
      ...(hasEnded ? [timeOf(lease.endedAt)] : []),
    ]),
  ];
}

function wantsRouter({ exposure, endedAt }: Lease): boolean {
  return endedAt === null && exposure !== null && exposure.gateway !== null;
}

/** Where the internet finds a lease, and how its mappings stand. */
function outsideCell({ id }: Lease, mappings: readonly Mapping[]): string {
  const own = mappings.filter(({ leaseId, state }) => leaseId === id && state !== "leaving");
  const texts = own.map((mapping) => {
    const text = mapping.external === null ? "" : `${outsideText(mapping).replace(/\/(?:tcp|udp)\b/, "")} `;
    return `${text}${mapping.state}`;
  });
  return texts.length === 0 ? "-" : [...new Set(texts)].join(", ");
}

function cellsOf(lease: Lease): readonly Cell[] {
  const { name, port, protocols, state } = lease, { pid, command } = processOf(lease);
  return [
    name ?? "-",
    String(port),
    protocols.join("+"),
    stateCell(state),
    pid === null ? "-" : String(pid),
    shortCommand(command ?? "-", Infinity),
  ];
}

/** The process of the listener, or else of the holder; a lease that does not end with the holder's may have outlived it. */
function processOf({ listener, holder, lifetime, endedAt }: Lease): Pick<Lease["holder"], "pid" | "command"> {
  const mayHaveEnded = holder.pid !== null && lifetime.kind !== "process" && endedAt === null;
  return listener ?? (mayHaveEnded ? { pid: null, command: null } : holder);
}

/** The line that says why the listener on the port is not the holder's; none without a conflict. */
function conflictOf(lease: Lease): readonly string[] {
  const { state, listener } = lease;
  return state === "conflict" && listener?.reason ? [`${titleOf(lease)}: ${listener.reason}`] : [];
}

/** The next step: after a conflict, or where the list is longer than the screen and has leases of other projects. */
function hint(process: CliProcess, leases: readonly Lease[], isOwn: IsOwn): void {
  const conflict = leases.find(({ state }) => state === "conflict");
  if (conflict !== undefined) return writeHint(process, `portd inspect ${conflict.port} says what to do`);
  const own = leases.filter((lease) => isLive(lease.state) && isOwn(lease)), project = own[0]?.project;
  const isLong = leases.length >= process.stdout.getSize().rows;
  if (isLong && own.length < leases.length && project) {
    writeHint(process, `portd ls --project ${project} lists the leases of this project alone`);
  }
}
