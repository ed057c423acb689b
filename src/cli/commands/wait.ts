/** `portd wait`: until somebody listens, or until nobody has the port any more. */
import type { PortdClient } from "../../client.ts";
import { PortdError } from "../../errors.ts";
import type { Lease } from "../../lease/lease.ts";
import { findProject, type Project } from "../../project.ts";
import { command, COMMON_FLAGS, parsedFlag, switchFlag } from "../command.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import { Ended, TimedOutError, UsageError } from "../exit.ts";
import { findDaemon } from "../find_daemon.ts";
import { findLease, parseRef } from "../naming.ts";
import { toJson } from "../terminal.ts";

type WaitFlags = CommonFlags & { readonly listening?: boolean; readonly free?: boolean; readonly timeout?: number };

const TIMEOUT_MS = 30_000;
const INTERRUPTED = 130;
/** How often a port is looked at: of one that nobody leases no event tells. */
const LOOK_MS = 250;

export default command<WaitFlags, [lease: string]>({
  parameters: {
    flags: {
      listening: switchFlag("Until the holder listens, on a port without a lease anybody (this is the default)"),
      free: switchFlag("Until there is no live lease of it, and nobody listens on the port"),
      timeout: parsedFlag("30s", "Give up after this time (30s); 0 is never", parseDuration),
      ...COMMON_FLAGS,
    },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "NAME|PORT|ID", brief: "The lease" }] },
  },
  docs: {
    brief: "Wait until somebody listens on a leased port, or until it is free",
    fullDescription:
      `Waits until the holder of a lease listens on its port; the lease need not be there yet. A port may also be one that
nobody leases: then anybody's listener counts. With --free, until there is no such lease and, for a port, nobody listens
on it. Exit code 7 when the time is up.`,
    customUsage: [
      "NAME|PORT|ID [--listening|--free] [--timeout 30s]",
      { input: "web && open http://localhost:$(portd lease web)", brief: "as soon as the server is up" },
      { input: "20417 --free --timeout 5m", brief: "until a port is given back" },
      { input: "5432", brief: "until a database is up, leased or not" },
    ],
  },
  async run(context, flags, text) {
    const { listening, free, timeout = TIMEOUT_MS } = flags;
    if (listening && free) throw new UsageError("Cannot use --listening together with --free");
    const project = findProject(context.cwd);
    const client = await findDaemon(context, flags);
    const stopping = new AbortController();
    const isDone = free ? isFree : isListening;
    const stopSignals = context.onSignal(["SIGINT"], () => stopping.abort(new Ended(INTERRUPTED)));
    const expired = () =>
      stopping.abort(new TimedOutError(`Cannot wait longer for ${text}: ${formatDuration(timeout)} are over`));
    const timer = timeout === 0 ? undefined : setTimeout(expired, timeout);
    try {
      const ref = parseRef(text);
      const port = typeof ref === "object" && "port" in ref ? ref.port : undefined;
      const look = () => lookUp(client, { text, project, port });
      const found = await follow({ client, look, isDone, looksAgain: port !== undefined, signal: stopping.signal });
      tell(context, flags, { ...found, port });
    } finally {
      clearTimeout(timer);
      stopSignals();
    }
  },
});

/** What there is at one moment. */
interface Found {
  readonly lease: Lease | undefined;
  /** Whether somebody listens on a port that nobody leases. */
  readonly isUsed: boolean;
}

function isListening({ lease, isUsed }: Found): boolean {
  return lease === undefined ? isUsed : lease.state === "listening";
}

function isFree({ lease, isUsed }: Found): boolean {
  return lease === undefined && !isUsed;
}

interface Following {
  readonly client: PortdClient;
  readonly look: () => Promise<Found>;
  readonly isDone: (found: Found) => boolean;
  /** Whether to look every now and then, and not at events alone. */
  readonly looksAgain: boolean;
  readonly signal: AbortSignal;
}

/** Looks once the stream of events is open, and again at each event: so nothing that happens in between is missed. */
async function follow({ client, look, isDone, looksAgain, signal }: Following): Promise<Found> {
  const ending = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<Found>();
  const check = async () => {
    const found = await look();
    if (isDone(found)) resolve(found);
  };
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  const reading = (async () => {
    const events = client.events({ signal: ending.signal, onOpen: () => void check().catch(reject) });
    for await (const _event of events) await check();
  })();
  reading.catch(reject);
  const timer = looksAgain ? setInterval(() => void check().catch(reject), LOOK_MS) : undefined;
  try {
    return await promise;
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", onAbort);
    ending.abort();
  }
}

/** What is waited for: a lease, or a port whether leased or not. */
interface Wanted {
  readonly text: string;
  readonly project: Project;
  readonly port: number | undefined;
}

async function lookUp(client: PortdClient, { text, project, port }: Wanted): Promise<Found> {
  const lease = await findLive(client, text, project);
  const isUsed = lease === undefined && port !== undefined && (await client.listeners({ port })).length > 0;
  return { lease, isUsed };
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

function tell({ process }: CliContext, { json, free }: WaitFlags, { lease, port }: Found & Pick<Wanted, "port">): void {
  if (json) process.stdout.write(`${toJson(lease ?? (free ? { free: true } : { port, listening: true }))}\n`);
  else if (lease !== undefined || !free) process.stdout.write(`${lease?.port ?? port}\n`);
}
