/** `portd events`: what happens to leases and on their ports, one line each. */
import type { FirewallEvent, Lease, LeaseEvent, ListedSocket, ListenerEvent, ResetEvent } from "../../client/client.ts";
import { command, COMMON_FLAGS, textFlag } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { neutralise, toJson } from "../terminal.ts";

type EventsFlags = CommonFlags & { readonly after?: string };

export default command<EventsFlags, []>({
  parameters: { flags: { after: textFlag("ID", "Go on behind this event"), ...COMMON_FLAGS } },
  docs: {
    brief: "Follow what happens to leases",
    fullDescription:
      `Prints a line for everything that happens to a lease or on its port from now on, until Ctrl-C. With --json each line
is an event as the API sends it, with its id. A line that says reset means that events were lost.`,
    customUsage: ["[--json]", { input: "--json", brief: "for a program, one JSON document a line" }],
  },
  async run(context, flags) {
    const client = await findDaemon(context, flags);
    const stopping = new AbortController();
    const names: Deno.Signal[] = context.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
    const stopSignals = context.onSignal(names, () => stopping.abort());
    try {
      const after = flags.after === undefined ? {} : { lastEventId: flags.after };
      for await (const event of client.events({ signal: stopping.signal, ...after })) {
        context.process.stdout.write(`${flags.json ? toJson(event) : lineOf(event)}\n`);
      }
    } finally {
      stopSignals();
    }
  },
});

function lineOf(event: LeaseEvent | ListenerEvent | FirewallEvent | ResetEvent): string {
  if (event.type === "reset") return event.type;
  return neutralise(`${event.at} ${event.type} ${subjectOf(event)}`.trimEnd());
}

function subjectOf(event: LeaseEvent | ListenerEvent | FirewallEvent): string {
  if ("lease" in event) return leaseText(event.lease);
  if ("listener" in event) return listenerText(event.listener);
  return "rule" in event ? event.rule.displayName : "name" in event ? event.name : event.reason;
}

function leaseText({ name, id, port, protocols, listener, holder }: Lease): string {
  return `${name ?? id} ${port}/${protocols.join("+")}${processText(listener ?? holder)}`;
}

function listenerText({ localAddress, localPort, protocol, pid, process, lease }: ListedSocket): string {
  const command = process?.command ?? null;
  return `${lease?.name ?? lease?.id ?? "-"} ${localPort}/${protocol} at ${localAddress}${
    processText({ pid, command })
  }`;
}

function processText({ pid, command: text }: { readonly pid: number | null; readonly command: string | null }): string {
  return pid === null ? "" : ` pid ${pid} ${text ?? ""}`;
}
