/** `portd wait`: until somebody listens, or until nobody has the port any more. */
import { NoDaemonError, type PortdClient, PortdError } from "../../client/client.ts";
import type { Lease } from "../../lease/lease.ts";
import type { Protocol } from "../../port/port.ts";
import { findProject, type Project } from "../../project/project.ts";
import { orAborted, pause } from "../abort.ts";
import { command, COMMON_FLAGS, parsedFlag, switchFlag } from "../command.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { formatDuration, parseDuration, startTimer } from "../duration.ts";
import { Ended, TimedOutError, UsageError } from "../exit.ts";
import { findLease, parseRef } from "../naming.ts";
import { toJson } from "../terminal.ts";

type WaitFlags = CommonFlags & {
  readonly listening?: boolean;
  readonly free?: boolean;
  readonly udp?: boolean;
  readonly timeout?: number;
};

const TIMEOUT_MS = 30_000;
const INTERRUPTED = 130;
/** How often a port is looked at: of one that nobody leases no event tells. */
const LOOK_MS = 250;
/** Looks in a row that may fail while a daemon is away, and the longest pause between them: as the stream of events. */
const RETRIES = 20;
const LONGEST_PAUSE_MS = 4000;

export default command<WaitFlags, [lease: string]>({
  parameters: {
    flags: {
      listening: switchFlag("Until the holder listens, on a port without a lease anybody (this is the default)"),
      free: switchFlag("Until there is no live lease of it, and nobody listens on the port"),
      udp: switchFlag("Look at UDP alone; only for a port"),
      timeout: parsedFlag("30s", "Give up after this time (30s); 0 is never", parseDuration),
      ...COMMON_FLAGS,
    },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "NAME|PORT|ID", brief: "The lease" }] },
  },
  docs: {
    brief: "Wait until somebody listens on a leased port, or until it is free",
    fullDescription:
      `Waits until the holder of a lease listens on its port; the lease need not be there yet. A port may also be one that
nobody leases: then anybody's listener counts, of TCP or with --udp of UDP. With --free, until there is no such lease
and, for a port, nobody listens on it. Exit code 7 when the time is up.`,
    customUsage: [
      "NAME|PORT|ID [--listening|--free] [--udp] [--timeout 30s]",
      { input: "web && open http://localhost:$(portd lease web)", brief: "as soon as the server is up" },
      { input: "20417 --free --timeout 5m", brief: "until a port is given back" },
      { input: "5432", brief: "until a database is up, leased or not" },
    ],
  },
  async run(context, flags, text) {
    const { listening, free = false, udp = false, timeout = TIMEOUT_MS } = flags;
    if (listening && free) throw new UsageError("Cannot use --listening together with --free");
    const ref = parseRef(text);
    const port = typeof ref === "object" && "port" in ref ? ref.port : undefined;
    if (udp && port === undefined) throw new UsageError("Cannot use --udp: it is for a port, and a lease has its own");
    const project = findProject(context.cwd);
    const client = await findDaemon(context, flags);
    const stopping = new AbortController();
    const { signal } = stopping;
    const stopSignals = context.onSignal(["SIGINT"], () => stopping.abort(new Ended(INTERRUPTED)));
    const expired = () =>
      stopping.abort(new TimedOutError(`Cannot wait longer for ${text}: ${formatDuration(timeout)} are over`));
    const stopTimer = timeout === 0 ? undefined : startTimer(timeout, expired);
    try {
      const outcome = port === undefined
        ? await follow(client, () => lookAtLease(client, { text, project, free }), signal)
        : await lookUntilDone(() => lookAtPort(client, { port, udp, free, signal }), signal);
      tell(context, flags, { ...outcome, port });
    } finally {
      stopTimer?.();
      stopSignals();
    }
  },
});

/** What ended the waiting. */
interface Outcome {
  /** Absent where nobody leases the port. */
  readonly lease?: Lease;
}

/** One look; `undefined` when there is more to wait for. */
type Look = () => Promise<Outcome | undefined>;

/** Looks once the stream of events is open, and again at each event: so nothing that happens in between is missed. */
async function follow(client: PortdClient, look: Look, signal: AbortSignal): Promise<Outcome> {
  const ending = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const check = async () => {
    try {
      const outcome = await look();
      if (outcome !== undefined) resolve(outcome);
    } catch (error) {
      // The daemon goes away: the stream breaks as well, and it is looked again when that has been opened anew.
      if (!isAway(error)) reject(error);
    }
  };
  const reading = (async () => {
    for await (const _event of client.events({ signal: ending.signal, onOpen: () => void check() })) await check();
  })();
  reading.catch(reject);
  try {
    return await orAborted(promise, signal);
  } finally {
    ending.abort();
  }
}

/**
 * Looks every now and then, one look after the other.
 *
 * @throws what the first look throws, and later on what is thrown so often in a row that the daemon will not come back.
 */
async function lookUntilDone(look: Look, signal: AbortSignal): Promise<Outcome> {
  let pauseMs = 0;
  for (let hasAnswered = false, failures = 0;; await pause(pauseMs, signal)) {
    try {
      const outcome = await orAborted(look(), signal);
      if (outcome !== undefined) return outcome;
      hasAnswered = true;
      failures = 0;
      pauseMs = LOOK_MS;
    } catch (error) {
      const mayPass = hasAnswered && !signal.aborted && isAway(error);
      if (!mayPass || ++failures > RETRIES) throw error;
      pauseMs = Math.min(LOOK_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
    }
  }
}

/** Whether the daemon is gone, being restarted, or answers nothing: it may come back. */
function isAway(error: unknown): boolean {
  return error instanceof NoDaemonError || (error instanceof PortdError && error.code === "shutting_down") ||
    (error instanceof DOMException && error.name === "TimeoutError");
}

interface WantedLease {
  readonly text: string;
  readonly project: Project;
  /** Whether it is to be gone. */
  readonly free: boolean;
}

async function lookAtLease(client: PortdClient, { text, project, free }: WantedLease): Promise<Outcome | undefined> {
  const lease = await findLive(client, text, project);
  if (lease === undefined) return free ? {} : undefined;
  return !free && lease.state === "listening" ? { lease } : undefined;
}

async function findLive(client: PortdClient, text: string, project: Project): Promise<Lease | undefined> {
  try {
    return await findLease(client, text, project);
  } catch (error) {
    const isAbsent = error instanceof PortdError && (error.code === "lease_not_found" || error.code === "lease_ended");
    if (isAbsent) return undefined;
    throw error;
  }
}

interface WantedPort {
  readonly port: number;
  /** Whether UDP alone counts. */
  readonly udp: boolean;
  readonly free: boolean;
  readonly signal: AbortSignal;
}

/** A protocol with a lease is judged by the lease, one without by who listens; any that is satisfied will do. */
async function lookAtPort(
  client: PortdClient,
  { port, udp, free, signal }: WantedPort,
): Promise<Outcome | undefined> {
  const live = await client.listAll({ port }, { signal });
  const leases = udp ? live.filter(({ protocols }) => protocols.includes("udp")) : live;
  const isUsed = async (protocol?: Protocol) => (await client.listeners({ port, protocol }, { signal })).length > 0;
  if (free) return leases.length > 0 || await isUsed(udp ? "udp" : undefined) ? undefined : {};
  const lease = leases.find(({ state }) => state === "listening");
  if (lease !== undefined) return { lease };
  const protocol = udp ? "udp" : "tcp";
  const isLeased = leases.some(({ protocols }) => protocols.includes(protocol));
  return !isLeased && await isUsed(protocol) ? {} : undefined;
}

function tell(
  { process }: CliContext,
  { json, free }: WaitFlags,
  { lease, port }: Outcome & { readonly port: number | undefined },
): void {
  if (json) process.stdout.write(`${toJson(lease ?? (free ? { free: true } : { port, listening: true }))}\n`);
  else if (!free) process.stdout.write(`${lease?.port ?? port}\n`);
}
