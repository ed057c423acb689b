/** `portd ls`: leases as a table. */
import type { LeaseFilter } from "../../client/wire.ts";
import { isLive, type Lease, LEASE_STATES } from "../../lease/lease.ts";
import { choiceFlag, COMMON_FLAGS, defineCommand, type FlagsOf, parsedFlag, switchFlag, textFlag } from "../command.ts";
import { given } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration } from "../duration.ts";
import { titleOf } from "../naming.ts";
import { parsePair, parsePort } from "../parse.ts";
import { shorten, table, writeJson, writeLine } from "../terminal.ts";

const HEAD = ["NAME", "PORT", "PROTO", "STATE", "PID", "COMMAND", "EXPIRES"];
const COMMAND_WIDTH = 48;

const FLAGS = {
  name: textFlag("NAME", "With this name, or this last part of the name"),
  port: parsedFlag("N", "On this port", (text) => parsePort(text)),
  state: choiceFlag(LEASE_STATES, "In this state"),
  project: textFlag("PROJECT", "Of this project"),
  label: parsedFlag("k=v", "With this label", parsePair),
  ended: switchFlag("Leases that have ended, newest first"),
  all: switchFlag("Live leases, then those that have ended"),
  ...COMMON_FLAGS,
};

type ListFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  flags: FLAGS,
  help: `Lists live leases. PID and COMMAND are those of the listener, or else of the holder. EXPIRES is the
time that the lease has left, - when it does not end at a fixed time, and the instant of its end when it has ended.`,
  usage: [
    "[FLAGS]",
    { input: "--project shop", brief: "the leases of a project" },
    { input: "--state conflict", brief: "leases on whose port somebody else listens" },
    { input: "--ended --json", brief: "the history, for a program" },
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
  const filter = given({ name, port, state, project, label: label?.join(":") });
  const history = { ...filter, ended: true };
  if (all) return [filter, history];
  // Only ended leases have such a state: it asks for the history.
  return [ended || (state !== undefined && !isLive(state)) ? history : filter];
}

/** Why a listener on the port of a lease is not the holder's. */
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
