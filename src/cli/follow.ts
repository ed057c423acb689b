/** Following the daemon's events over broken connections: what all commands share that go on until Ctrl-C. */
import type { AnyEvent, EventsOptions, PortdClient, ResetEvent } from "../client/client.ts";
import { messageOf } from "../errors.ts";

/** Options of {@linkcode follow}. */
export interface FollowOptions extends Pick<EventsOptions, "lastEventId" | "replay" | "follow" | "retries"> {
  readonly signal: AbortSignal;
  /** Called with each event, in order and once; a `reset` stands where events are lost. */
  readonly onEvent: (event: AnyEvent) => void;
  /** Called whenever the stream is open, the first time and after each break: what was known before may be old. */
  readonly onOpen?: () => void;
  /** Called with a sentence when the stream is lost, when it is back, and when events are lost. */
  readonly onNews: (news: News) => void;
}

/** What there is to say about the stream. */
export interface News {
  readonly text: string;
  /** Whether the stream is lost: what is known may be old. */
  readonly isLost: boolean;
}

/**
 * Follows the events until the signal is aborted, or without `follow` until all are there. A stream that is lost is
 * opened again and continues after the last event.
 *
 * @throws what {@linkcode PortdClient.events} throws.
 */
export async function follow(client: Pick<PortdClient, "events">, options: FollowOptions): Promise<void> {
  const { onEvent, onNews, onOpen, ...stream } = options;
  let isLost = false;
  const events = client.events({
    ...stream,
    onOpen() {
      if (isLost) onNews({ text: "the events of the daemon are back", isLost: false });
      isLost = false;
      onOpen?.();
    },
    onBreak(reason) {
      isLost = true;
      onNews({ text: `the events of the daemon are lost, trying again: ${messageOf(reason)}`, isLost: true });
    },
  });
  for await (const event of events) {
    if (event.type === "reset") onNews({ text: lossText(event), isLost });
    onEvent(event);
  }
}

function lossText({ missed }: ResetEvent): string {
  if (missed === null) return "events are missing here: the daemon was restarted, or has forgotten the place";
  return `${missed} ${missed === 1 ? "event is" : "events are"} missing here: the daemon keeps only the last ones`;
}
