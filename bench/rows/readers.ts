/** Other clients' grants while readers of events flood the daemon: slow ones that want all that is kept, and idle ones. */
import type { Outcome, Row } from "../row.ts";
import { KeptConnection } from "../kept_connection.ts";
import { type Daemon, startDaemon } from "../servers.ts";
import { besiege } from "../siege.ts";
import type { Workbench } from "../workbench.ts";

export const readers: Row = { name: "readers", tools: [], measure };

const SECONDS = 10, ROUNDS = 2;
/** Grants and releases; each is an event. */
const EVENTS = 10_000, IN_ONE_REQUEST = 250;
/** So many events back: the victim's own push the oldest out meanwhile. */
const FAR_BACK = 4000;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  await fillRing(daemon);
  const [, epoch, last] = /id: (\w+)-(\d+)/.exec(await firstEvent(daemon.port))!;
  const slow = await besiege(bench, daemon, {
    what: "2,000 readers of events that take nothing",
    attackers: [["slow_readers", `${epoch}-${Number(last) - FAR_BACK}`]],
    seconds: SECONDS,
    rounds: ROUNDS,
  });
  const idle = await besiege(bench, daemon, {
    what: "30,000 attempts to read events",
    attackers: [["idle_readers"]],
    seconds: SECONDS,
    rounds: ROUNDS,
  });
  return { lines: [...slow.lines, ...idle.lines], notes: [...slow.notes, ...idle.notes] };
}

async function fillRing({ client, port }: Daemon): Promise<void> {
  using connection = await KeptConnection.open(port);
  const release = connection.encode("DELETE", "/v1/leases?label=for:events");
  for (let events = 0; events < EVENTS; events += 2 * IN_ONE_REQUEST) {
    await client.grantAll({ count: IN_ONE_REQUEST, labels: { for: "events" } });
    await connection.exchange(release);
  }
}

/** The beginning of the stream for a reader whose place is not known: it names the last event. */
async function firstEvent(port: number): Promise<string> {
  const { body } = await fetch(`http://127.0.0.1:${port}/v1/events`, { headers: { "Last-Event-ID": "unknown-1" } });
  let text = "";
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\nevent: reset\n")) break;
  }
  return text;
}
