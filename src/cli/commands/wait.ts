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
import { findLease } from "../naming.ts";
import { toJson } from "../terminal.ts";

type WaitFlags = CommonFlags & { readonly listening?: boolean; readonly free?: boolean; readonly timeout?: number };

const TIMEOUT_MS = 30_000;
const INTERRUPTED = 130;

export default command<WaitFlags, [lease: string]>({
  parameters: {
    flags: {
      listening: switchFlag("Until the holder listens (this is the default)"),
      free: switchFlag("Until there is no live lease of it"),
      timeout: parsedFlag("30s", "Give up after this time (30s); 0 is never", parseDuration),
      ...COMMON_FLAGS,
    },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "NAME|PORT|ID", brief: "The lease" }] },
  },
  docs: {
    brief: "Wait until somebody listens on a leased port, or until it is free",
    fullDescription:
      `Waits until the holder of a lease listens on its port; the lease need not be there yet. With --free,
until there is no such lease. Exit code 7 when the time is up.`,
    customUsage: [
      "NAME|PORT|ID [--listening|--free] [--timeout 30s]",
      { input: "web && open http://localhost:$(portd lease web)", brief: "as soon as the server is up" },
      { input: "20417 --free --timeout 5m", brief: "until a port is given back" },
    ],
  },
  async run(context, flags, text) {
    const { listening, free, timeout = TIMEOUT_MS } = flags;
    if (listening && free) throw new UsageError("Cannot use --listening together with --free");
    const project = findProject(context.cwd);
    const client = await findDaemon(context, flags);
    const stopping = new AbortController();
    const isDone = free ? (lease?: Lease) => lease === undefined : (lease?: Lease) => lease?.state === "listening";
    const stopSignals = context.onSignal(["SIGINT"], () => stopping.abort(new Ended(INTERRUPTED)));
    const expired = () =>
      stopping.abort(new TimedOutError(`Cannot wait longer for ${text}: ${formatDuration(timeout)} are over`));
    const timer = timeout === 0 ? undefined : setTimeout(expired, timeout);
    try {
      const look = () => lookUp(client, text, project);
      const lease = await follow({ client, look, isDone, signal: stopping.signal });
      tell(context, flags, lease);
    } finally {
      clearTimeout(timer);
      stopSignals();
    }
  },
});

interface Following {
  readonly client: PortdClient;
  /** The lease as it is now; `undefined` when there is no live one. */
  readonly look: () => Promise<Lease | undefined>;
  readonly isDone: (lease?: Lease) => boolean;
  readonly signal: AbortSignal;
}

/** Looks once the stream of events is open, and again at each event: so nothing that happens in between is missed. */
async function follow({ client, look, isDone, signal }: Following): Promise<Lease | undefined> {
  const ending = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<Lease | undefined>();
  const check = async () => {
    const lease = await look();
    if (isDone(lease)) resolve(lease);
  };
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  const reading = (async () => {
    const events = client.events({ signal: ending.signal, onOpen: () => void check().catch(reject) });
    for await (const _event of events) await check();
  })();
  reading.catch(reject);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    ending.abort();
  }
}

async function lookUp(client: PortdClient, text: string, project: Project): Promise<Lease | undefined> {
  try {
    return await findLease(client, text, project);
  } catch (error) {
    const isAbsent = error instanceof PortdError && (error.code === "lease_not_found" || error.code === "lease_ended");
    if (isAbsent) return undefined;
    throw error;
  }
}

function tell({ process }: CliContext, { json }: WaitFlags, lease: Lease | undefined): void {
  if (json) process.stdout.write(`${toJson(lease ?? { free: true })}\n`);
  else if (lease !== undefined) process.stdout.write(`${lease.port}\n`);
}
