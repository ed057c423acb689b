/** `portd events`: what happens to leases and on their ports, one line each. */
import type { AnyEvent, Lease, ListedSocket, Mapping, ResetEvent } from "../../client/client.ts";
import { fieldsOf } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, textFlag } from "../command.ts";
import { given } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { untilSignal } from "../signals.ts";
import { writeJson, writeLine } from "../terminal.ts";

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
});

export default defineCommand({
  answer: { fields: FIELDS },
  flags: { after: textFlag("ID", "Start after this event"), ...COMMON_FLAGS },
  help:
    `Prints a line for everything that happens to a lease or on its port from now on, until Ctrl-C. With --json each line
is an event as the API sends it, with its id. A line that says reset means that events were lost.`,
  usage: ["[--json]", { input: "--json", brief: "for a program, one JSON document a line" }],
  async run(context, flags) {
    const client = await findDaemon(context, flags);
    const { stdout } = context.process;
    await untilSignal(context, async (signal) => {
      for await (const event of client.events({ signal, ...given({ lastEventId: flags.after }) })) {
        if (flags.json) writeJson(stdout, event);
        else writeLine(stdout, lineOf(event));
      }
    });
  },
});

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
