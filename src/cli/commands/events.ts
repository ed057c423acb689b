/** `portd events`: what happens to leases, one line each. */
import type { LeaseEvent, ResetEvent } from "../../client.ts";
import { command, COMMON_FLAGS, textFlag } from "../command.ts";
import type { CommonFlags } from "../context.ts";
import { findDaemon } from "../find_daemon.ts";
import { neutralise, toJson } from "../terminal.ts";

type EventsFlags = CommonFlags & { readonly after?: string };

export default command<EventsFlags, []>({
  parameters: { flags: { after: textFlag("ID", "Go on behind this event"), ...COMMON_FLAGS } },
  docs: {
    brief: "Follow what happens to leases",
    fullDescription:
      `Prints a line for everything that happens to a lease from now on, until Ctrl-C. With --json each line
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

function lineOf(event: LeaseEvent | ResetEvent): string {
  if (event.type === "reset") return event.type;
  const { at, type, lease } = event;
  const { pid, command: text } = lease.listener ?? lease.holder;
  const process = pid === null ? "" : ` pid ${pid} ${text ?? ""}`;
  return neutralise(
    `${at} ${type} ${lease.name ?? lease.id} ${lease.port}/${lease.protocols.join("+")}${process}`.trimEnd(),
  );
}
