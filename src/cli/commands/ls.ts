/** `portd ls`: leases as a table. */
import type { LeaseFilter } from "../../client/wire.ts";
import { isLive, type Lease, LEASE_STATES, type LeaseState } from "../../lease/lease.ts";
import { command, COMMON_FLAGS, parsedFlag, switchFlag, textFlag } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration } from "../duration.ts";
import { titleOf } from "../naming.ts";
import { parsePair, parsePort } from "../parse.ts";
import { neutralise, shorten, table, toJson } from "../terminal.ts";

type ListFlags = CommonFlags & {
  readonly name?: string;
  readonly port?: number;
  readonly state?: LeaseState;
  readonly project?: string;
  readonly label?: readonly [string, string];
  readonly ended?: boolean;
  readonly all?: boolean;
};

const HEAD = ["NAME", "PORT", "PROTO", "STATE", "PID", "COMMAND", "EXPIRES"];
const COMMAND_WIDTH = 48;

export default command<ListFlags, []>({
  parameters: {
    flags: {
      name: textFlag("NAME", "Of this name, whole or its last part"),
      port: parsedFlag("N", "Of this port", (text) => parsePort(text)),
      state: { kind: "enum", values: LEASE_STATES, brief: "In this state", optional: true },
      project: textFlag("PROJECT", "Of this project"),
      label: parsedFlag("k=v", "That bear this label", parsePair),
      ended: switchFlag("Those that have ended, newest first"),
      all: switchFlag("Live ones, then those that have ended"),
      ...COMMON_FLAGS,
    },
  },
  docs: {
    brief: "List leases",
    fullDescription: `Lists live leases. PID and COMMAND are those of the listener, or else of the holder; EXPIRES is
how long the lease has left, - when nothing ends it by time, and for one that has ended the instant of that.`,
    customUsage: [
      "[FLAGS]",
      { input: "--project shop", brief: "the leases of a project" },
      { input: "--state conflict", brief: "ports on which a stranger listens" },
      { input: "--ended --json", brief: "the history, for a program" },
    ],
  },
  async run(context, flags) {
    const client = await findDaemon(context, flags);
    const leases: Lease[] = [];
    for (const filter of filtersOf(flags)) leases.push(...await client.listAll(filter));
    const { stdout, stderr } = context.process;
    if (flags.json) stdout.write(`${toJson({ leases })}\n`);
    else if (leases.length > 0) stdout.write(table(HEAD, leases.map(rowOf)));
    else stderr.write("no leases\n");
    if (!flags.json) stderr.write(leases.flatMap(conflictOf).join(""));
  },
});

function filtersOf({ name, port, state, project, label, ended, all }: ListFlags): readonly LeaseFilter[] {
  const filter = {
    ...(name !== undefined && { name }),
    ...(port !== undefined && { port }),
    ...(state !== undefined && { state }),
    ...(project !== undefined && { project }),
    ...(label !== undefined && { label: label.join(":") }),
  };
  const history = { ...filter, ended: true };
  if (all) return [filter, history];
  // A state that only an ended lease can have asks for the history.
  return [ended || (state !== undefined && !isLive(state)) ? history : filter];
}

/** Why the listener of a lease is not the holder's, where it is not. */
function conflictOf(lease: Lease): readonly string[] {
  const { state, listener } = lease;
  return state === "conflict" && listener?.reason ? [neutralise(`${titleOf(lease)}: ${listener.reason}`) + "\n"] : [];
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
