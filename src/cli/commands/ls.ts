/** `portd ls`: leases as a table. */
import type { LeaseFilter } from "../../client/wire.ts";
import { isLive, type Lease, LEASE_STATES } from "../../lease/lease.ts";
import { choiceFlag, COMMON_FLAGS, defineCommand, type FlagsOf, parsedFlag, switchFlag, textFlag } from "../command.ts";
import { given } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration } from "../../duration.ts";
import { titleOf } from "../naming.ts";
import { parsePair, parsePort } from "../parse.ts";
import { shorten, table, writeJson, writeLine } from "../terminal.ts";

const HEAD = ["NAME", "PORT", "PROTO", "STATE", "PID", "COMMAND", "EXPIRES"];
const COMMAND_WIDTH = 48;

const FLAGS = {
  name: textFlag("NAME", "Leases with this full name, or this name behind the last /"),
  port: parsedFlag("N", "Leases on this port", (text) => parsePort(text)),
  state: choiceFlag(LEASE_STATES, "Leases in this state"),
  project: textFlag("PROJECT", "Leases of this project"),
  label: parsedFlag("k=v", "Leases with this label", parsePair),
  ended: switchFlag("Ended leases instead of live ones, the last ended first"),
  all: switchFlag("Live leases, then ended ones"),
  ...COMMON_FLAGS,
};

type ListFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  flags: FLAGS,
  help:
    `Lists live leases. PID and COMMAND are those of the listener, or of the holder when nothing listens. EXPIRES is the
time until a live lease ends, "-" if it has no fixed end, and for an ended lease the time of its end.`,
  usage: [
    "[FLAGS]",
    { input: "--project shop", brief: "the leases of a project" },
    { input: "--state conflict", brief: "leases whose port another process uses" },
    { input: "--ended --json", brief: "ended leases as JSON" },
  ],
  async run(context, flags) {
    const client = await findDaemon(context, flags);
    const leases: Lease[] = [];
    for (const filter of filtersOf(flags)) leases.push(...await client.listAll(filter));
    const { stdout, stderr } = context.process;
    if (flags.json) return writeJson(stdout, { leases });
    if (leases.length > 0) stdout.write(table(HEAD, leases.map(rowOf)));
    else writeLine(stderr, "no leases");
    for (const conflict of leases.flatMap(conflictOf)) writeLine(stderr, conflict);
  },
});

function filtersOf({ name, port, state, project, label, ended, all }: ListFlags): readonly LeaseFilter[] {
  const filter = given({ name, port, state, project, label: label?.join("=") });
  const endedFilter = { ...filter, ended: true };
  if (all) return [filter, endedFilter];
  // A state that no live lease has asks for ended leases.
  return [ended || (state !== undefined && !isLive(state)) ? endedFilter : filter];
}

/** The line that says why the listener on the port is not the holder's; none without a conflict. */
function conflictOf(lease: Lease): readonly string[] {
  const { state, listener } = lease;
  return state === "conflict" && listener?.reason ? [`${titleOf(lease)}: ${listener.reason}`] : [];
}

function rowOf({ name, port, protocols, state, listener, holder, expiresAt, endedAt }: Lease): readonly string[] {
  const { pid, command: text } = listener ?? holder;
  const end = endedAt ?? (expiresAt === null ? "-" : formatDuration(Date.parse(expiresAt) - Date.now()));
  return [
    name ?? "-",
    String(port),
    protocols.join("+"),
    state,
    pid === null ? "-" : String(pid),
    shorten(text ?? "-", COMMAND_WIDTH),
    end,
  ];
}
