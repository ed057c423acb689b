/** `portd wait`: waits until a service listens, or until its port is free. */
import { NoDaemonError, type PortdClient, PortdError } from "../../client/client.ts";
import { abortable, retry, retryUntil, startTimer } from "../../wait.ts";
import { LEASE_FIELDS } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, type FlagsOf, NAME_OR_PORT, parsedFlag, switchFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration, parseDuration } from "../../duration.ts";
import { Ended, isTimeout, TimedOutError, UsageError } from "../exit.ts";
import { findLease, type NameOrPort, parseNameOrPort } from "../naming.ts";
import { escapeControls, writeJson, writeLine } from "../terminal.ts";
import { lookAtLease, lookAtPort, type Progress } from "../wait/look.ts";

const TIMEOUT_MS = 30_000;
const INTERRUPTED = 130;
/** How long the search for a server on another port may take after the time is up. */
const STRAYS_MS = 2000;
/** The pause between two looks at a port: events are about leases only, and the port may have none. */
const LOOK_MS = 250;
/** How often a look may fail in a row while the daemon is away, and the longest pause then; as for events. */
const MOST_ATTEMPTS = 21, LONGEST_PAUSE_MS = 4000;

const FLAGS = {
  listening: switchFlag("Until the holder listens; on a port without a lease, anybody (the default)"),
  free: switchFlag("Until the lease has ended; for a port, until nobody listens on it either"),
  udp: switchFlag("Look at UDP only; for a port"),
  timeout: parsedFlag("30s", "Give up after this time (30s); 0 is never", parseDuration),
  ...COMMON_FLAGS,
};

type WaitFlags = FlagsOf<typeof FLAGS>;

/** What is there for a port without a lease: `free` with `--free`. */
const PORT_FIELDS = ["listening", "free"] as const;

export default defineCommand({
  answer: { fields: [...LEASE_FIELDS, ...PORT_FIELDS] },
  flags: FLAGS,
  args: [NAME_OR_PORT],
  help:
    `Waits until the holder of a lease listens on its port, and prints the port. There need not be a lease yet. On a port
that is not leased anybody's listener counts: of TCP, or with --udp of UDP. With --free, waits until the lease has ended
and, for a port, nobody listens on it. Exit code 7 when the time is up.`,
  usage: [
    "NAME|PORT [--listening|--free] [--udp] [--timeout 30s]",
    { input: "web && open http://localhost:$(portd lease web)", brief: "as soon as the server listens" },
    { input: "20417 --free --timeout 5m", brief: "until a port is free" },
    { input: "5432", brief: "until a database listens, with or without a lease" },
  ],
  async run(context, flags, text) {
    const { listening, free = false, udp = false, timeout = TIMEOUT_MS } = flags;
    if (listening && free) throw new UsageError("Cannot use --listening together with --free");
    const target = parseNameOrPort(text);
    const port = "port" in target ? target.port : undefined;
    if (udp && port === undefined) throw new UsageError("Cannot use --udp with a name: a lease has its own protocols");
    const client = await findDaemon(context, flags);
    const stopping = new AbortController();
    const { signal } = stopping;
    let missing: string | undefined;
    const look = async () => {
      const progress = "port" in target
        ? await lookAtPort(client, { port: target.port, udp, free, signal })
        : await lookAtLease(client, { name: target.lease, cwd: context.cwd, free });
      missing = progress.missing ?? missing;
      return progress.missing === undefined ? progress : undefined;
    };
    const giveUp = () => {
      const what = missing ?? `portd at ${client.url} has not answered yet`;
      const message = `Timed out after ${formatDuration(timeout)}: ${escapeControls(what)}`;
      stopping.abort(new TimedOutError(message));
    };
    const stopTimer = timeout === 0 ? undefined : startTimer(timeout, giveUp);
    const stopListening = context.onSignal(["SIGINT"], () => stopping.abort(new Ended(INTERRUPTED)));
    try {
      const progress = port === undefined ? await follow(client, look, signal) : await poll(look, signal);
      report(context, flags, progress, port);
    } catch (error) {
      const hasAnswered = error instanceof TimedOutError && missing !== undefined;
      throw hasAnswered && !free ? await withStrays(error, client, { target, cwd: context.cwd }) : error;
    } finally {
      stopTimer?.();
      stopListening();
    }
  },
});

/** The same error; where the server of the lease seems to listen on another port, it names that one. */
async function withStrays(
  error: TimedOutError,
  client: PortdClient,
  { target, cwd }: { readonly target: NameOrPort; readonly cwd: string },
): Promise<TimedOutError> {
  const { findStraysOf }: typeof import("../doctor/listeners.ts") = await import("../doctor/listeners.ts" as string);
  const { strayText }: typeof import("../doctor/servers.ts") = await import("../doctor/servers.ts" as string);
  try {
    const signal = AbortSignal.timeout(STRAYS_MS);
    const lease = await abortable(findLease(client, target, cwd), signal);
    const strays = await findStraysOf(client, lease, { signal });
    const texts = strays.map((stray) => escapeControls(strayText(stray)));
    return new TimedOutError([error.message, ...new Set(texts)].join("; "));
  } catch (failure) {
    const isAbsent = failure instanceof PortdError && ["lease_not_found", "lease_ended"].includes(failure.code);
    if (isAbsent || isAway(failure)) return error;
    throw failure;
  }
}

/** One look; `undefined` when there is more to wait for. */
type Look = () => Promise<Progress | undefined>;

/** Looks when the stream of events has opened, and again at each event, so that nothing in between is missed. */
async function follow(client: PortdClient, look: Look, signal: AbortSignal): Promise<Progress> {
  const ending = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<Progress>();
  const check = async () => {
    try {
      const progress = await look();
      if (progress !== undefined) resolve(progress);
    } catch (error) {
      // While the daemon is away the stream is broken too; when it has opened again, there is another look.
      if (!isAway(error)) reject(error);
    }
  };
  const reading = (async () => {
    for await (const _event of client.events({ signal: ending.signal, onOpen: () => void check() })) await check();
  })();
  reading.catch(reject);
  try {
    return await abortable(promise, signal);
  } finally {
    ending.abort();
  }
}

/** Looks again and again. @throws what the first look throws, and later what makes too many looks in a row fail. */
async function poll(look: Look, signal: AbortSignal): Promise<Progress> {
  let hasAnswered = false;
  const attempt = async () => {
    const progress = await look();
    hasAnswered = true;
    return progress;
  };
  const mayPass = (error: unknown) => hasAnswered && isAway(error);
  const pauses = { pauseMs: LOOK_MS, longestPauseMs: LONGEST_PAUSE_MS };
  const lookPatiently = () => retry(attempt, { ...pauses, mostAttempts: MOST_ATTEMPTS, mayPass, signal });
  return (await retryUntil(lookPatiently, { pauseMs: LOOK_MS, signal }))!;
}

/** Whether the daemon has ended, restarts, or does not answer: it may come back. */
function isAway(error: unknown): boolean {
  return error instanceof NoDaemonError || (error instanceof PortdError && error.code === "shutting_down") ||
    isTimeout(error);
}

function report(
  { process: { stdout } }: CliContext,
  { json, free }: WaitFlags,
  { lease }: Progress,
  port: number | undefined,
): void {
  if (json) writeJson(stdout, lease ?? (free ? { free: true } : { port, listening: true }));
  else if (!free) writeLine(stdout, String(lease?.port ?? port));
}
