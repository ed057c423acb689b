/** `portd events`: what happens to leases and on their ports, one line each. */
import { EVENTS } from "../../client/answer_shapes.ts";
import type { AnyEvent, EventsOptions, Lease, ListedSocket, Mapping, ResetEvent } from "../../client/client.ts";
import { readDuration } from "../../duration.ts";
import { fieldsOf } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, type FlagsOf, listFlag, parsedFlag, switchFlag, textFlag } from "../command.ts";
import { findDaemon } from "../daemon/find.ts";
import { UsageError } from "../exit.ts";
import { follow } from "../follow.ts";
import { readOr } from "../parse.ts";
import { untilSignal } from "../signals.ts";
import { writeJson, writeLine } from "../terminal.ts";

const FLAGS = {
  since: parsedFlag(
    "ID|TIME|all",
    "Begin after this event, with the last 10m, or with all that is kept",
    parseSince,
  ),
  follow: switchFlag("Go on with what happens, until Ctrl-C; this is the default"),
  noFollow: switchFlag("Print what is kept and end"),
  type: listFlag("TYPE", "Only these types, like lease.granted; lease means all of lease.*", {
    parse: parseType,
    separator: ",",
  }),
  after: textFlag("ID", "The same as --since ID"),
  ...COMMON_FLAGS,
};

type EventsFlags = FlagsOf<typeof FLAGS>;

const FIELDS = fieldsOf<AnyEvent>({
  id: true,
  type: true,
  at: true,
  lease: true,
  listener: true,
  rule: true,
  name: true,
  reason: true,
  mapping: true,
  line: true,
  missed: true,
});

export default defineCommand({
  answer: { fields: FIELDS },
  flags: FLAGS,
  help:
    `Prints a line for everything that happens to a lease or on its port from now on, until Ctrl-C. With --json each line
is an event as the API sends it, with its id. A connection that breaks is opened again, and continues after the last
event. A line that says reset means that events are missing: the daemon keeps the last 10,000, until it stops.`,
  usage: [
    "[--since ID|TIME|all] [--type TYPE] [--no-follow] [--json]",
    { input: "--follow --json", brief: "for a program, one JSON document a line" },
    { input: "--since all --type lease.conflict", brief: "conflicts, those of before too" },
    { input: "--since 10m --no-follow", brief: "what has happened in the last ten minutes" },
  ],
  async run(context, flags) {
    const wishes = beginOf(flags), isShown = filterOf(flags, Date.now());
    const client = await findDaemon(context, flags);
    const { stdout, stderr } = context.process;
    await untilSignal(context, async (signal) => {
      await follow(client, {
        ...wishes,
        signal,
        onNews: ({ text }) => writeLine(stderr, `note: ${text}`),
        onEvent(event) {
          if (!isShown(event)) return;
          if (flags.json) writeJson(stdout, event);
          else writeLine(stdout, lineOf(event));
        },
      });
    });
  },
});

/** Where events begin: behind one, or all that are kept, of those only the ones of this last time. */
type Since = { readonly lastEventId: string } | { readonly replay: true; readonly lastMs?: number };

/** The id of an event is `<run>-<number>`; no duration has a hyphen. */
function parseSince(text: string): Since {
  if (text === "all") return { replay: true };
  if (/^[!-~]{1,90}-\d{1,15}$/.test(text)) return { lastEventId: text };
  const lastMs = readDuration(text);
  return readOr(
    lastMs === undefined ? undefined : { replay: true, lastMs },
    "the id of an event, a duration like 10m, or all",
  );
}

/** A type of event, or the part of it before the dot. */
function parseType(text: string): string {
  const types = [...EVENTS.keys()];
  const isKnown = types.some((type) => type === text || type.startsWith(`${text}.`));
  return readOr(isKnown ? text : undefined, `one of ${types.join(", ")}, or the part before the dot`);
}

/** @throws {UsageError} where flags exclude each other. */
function beginOf(
  { since, after, follow, noFollow }: EventsFlags,
): Pick<EventsOptions, "lastEventId" | "replay" | "follow"> {
  if (follow && noFollow) throw new UsageError("Cannot use --follow together with --no-follow");
  if (since !== undefined && after !== undefined) throw new UsageError("Cannot use --since together with --after");
  const begin = after === undefined ? since ?? (noFollow ? { replay: true } : {}) : { lastEventId: after };
  const { lastMs: _, ...wishes } = begin as { readonly lastMs?: number };
  return { ...wishes, ...(noFollow && { follow: false }) };
}

/** Whether an event is printed; a reset always is. */
function filterOf({ since, type }: EventsFlags, now: number): (event: AnyEvent) => boolean {
  const from = since !== undefined && "lastMs" in since ? now - since.lastMs! : -Infinity;
  return (event) => {
    if (event.type === "reset") return true;
    const isOfType = type === undefined ||
      type.some((each) => event.type === each || event.type.startsWith(`${each}.`));
    return isOfType && Date.parse(event.at) >= from;
  };
}

function lineOf(event: AnyEvent): string {
  return event.type === "reset" ? event.type : `${event.at} ${event.type} ${subjectOf(event)}`.trimEnd();
}

function subjectOf(event: Exclude<AnyEvent, ResetEvent>): string {
  if ("lease" in event) return leaseText(event.lease);
  if ("listener" in event) return listenerText(event.listener);
  if ("mapping" in event) return mappingText(event.mapping);
  if ("line" in event) return `${event.line.verdict}: ${event.line.reason}`;
  return "rule" in event ? event.rule.displayName : "name" in event ? event.name : event.reason;
}

function leaseText({ name, id, port, protocols, listener, holder }: Lease): string {
  return `${name ?? id} ${port}/${protocols.join("+")}${processText(listener ?? holder)}`;
}

function mappingText({ lease, protocol, internal, external, reason }: Mapping): string {
  const outside = external === null ? "" : `${external.address ?? "router"} port ${external.port} to `;
  return `${lease} ${outside}${internal.address} port ${internal.port}/${protocol}${
    reason === null ? "" : `: ${reason}`
  }`;
}

function listenerText({ localAddress, localPort, protocol, pid, process, lease }: ListedSocket): string {
  const who = processText({ pid, command: process?.command ?? null });
  return `${lease?.name ?? lease?.id ?? "-"} ${localPort}/${protocol} at ${localAddress}${who}`;
}

function processText({ pid, command: text }: { readonly pid: number | null; readonly command: string | null }): string {
  return pid === null ? "" : ` pid ${pid} ${text ?? ""}`;
}
