/**
 * `portd free`: ends what listens for the holder of a lease, and releases the lease.
 *
 * The daemon says who listens. The command checks that itself, shows what it sees, and ends the process with the rights
 * of the user who called it. So nobody can end more through portd than without it: neither by asking a daemon that runs
 * as root, nor by running a daemon that root then asks. free/found.ts judges what the daemon says, free/targets.ts ends
 * the processes; the client refuses an answer that is not about this very port.
 */
import type { PortdClient, Protocol } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import { pause, retry } from "../../wait.ts";
import { COMMON_FLAGS, defineCommand, type FlagsOf, NAME_OR_PORT, parsedFlag, switchFlag } from "../command.ts";
import { confirm } from "../confirm.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { parseDuration } from "../duration.ts";
import { UsageError } from "../exit.ts";
import {
  checkUnchanged,
  foreignListener,
  type Found,
  holderSockets,
  look,
  lookUntilKnown,
  type Wanted,
} from "../free/found.ts";
import {
  closeTargets,
  type End,
  endAll,
  endText,
  openTargets,
  processText,
  splitByListening,
  type Target,
  UnverifiedError,
} from "../free/targets.ts";
import { findLease, parseNameOrPort, titleOf } from "../naming.ts";
import { escapeControls, writeJson, writeLine } from "../terminal.ts";

const TIMEOUT_MS = 5000;
/** A process may end just while it is looked at, for instance because somebody else frees the port too. */
const MOST_LOOKS = 3;
/** A supervisor takes a moment to start its server again. */
const SUPERVISOR_MS = 300;

const FLAGS = {
  yes: switchFlag("Do not ask"),
  tcp: switchFlag("Only the lease of TCP; for a port"),
  udp: switchFlag("Only the lease of UDP; for a port"),
  timeout: parsedFlag("5s", "How long the listener may take to end by itself (5s)", parseDuration),
  ...COMMON_FLAGS,
};

type FreeFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  flags: FLAGS,
  args: [NAME_OR_PORT],
  help: `Ends the process that listens on a leased port for the holder of the lease, and releases the lease.
Asks first. The process gets TERM and has --timeout to end, then KILL. A process that does not belong to the holder is
never touched, and neither is a client of the port: exit code 4 then, with the process in the message. Exit code 6 when
the process belongs to another user.`,
  usage: [
    "NAME|PORT [--yes] [--tcp|--udp] [--timeout 5s]",
    { input: "web", brief: "shows who listens for web of this project, and asks" },
    { input: "20417 --yes --timeout 30s", brief: "for a script, with a server that takes its time" },
  ],
  async run(context, flags, text) {
    const named = parseNameOrPort(text);
    if ("lease" in named && (flags.tcp || flags.udp)) {
      throw new UsageError("Cannot use --tcp or --udp with a name: a lease has its own protocols");
    }
    const client = await findDaemon(context, flags);
    try {
      const wanted = "port" in named
        ? { port: named.port, protocols: protocolsOf(flags) }
        : await findLease(client, named, context.cwd);
      await free(context, flags, { client, wanted });
    } catch (error) {
      if (!(error instanceof PortdError) || error.code !== "lease_ended") throw error;
      reportNothing(context, flags, null, `${text} has ended already`);
    }
  },
});

function protocolsOf({ tcp, udp }: FreeFlags): readonly Protocol[] {
  return tcp === udp ? ["tcp", "udp"] : [tcp ? "tcp" : "udp"];
}

async function free(
  context: CliContext,
  flags: FreeFlags,
  { client, wanted }: { readonly client: PortdClient; readonly wanted: Wanted },
): Promise<void> {
  const { port } = wanted;
  const lookNow = () => lookUntilKnown(() => look(client, wanted), MOST_LOOKS);
  const { found, targets } = await pinListeners(lookNow, client.url);
  try {
    if (found.leases.length === 0) return reportNothing(context, flags, port, unleasedText(found));
    await ask(context, flags, found, targets);
    const again = await lookNow();
    if (again.leases.length === 0) return reportNothing(context, flags, port, unleasedText(again));
    checkUnchanged(found, again, targets);
    const { listening, notes } = await splitByListening(targets, { port, listeners: again.listeners });
    const ends = await endAll(listening, flags.timeout ?? TIMEOUT_MS);
    const lines = flags.json ? [] : [...notes, ...ends.map(endText)];
    for (const line of lines) writeLine(context.process.stderr, line);
    if (targets.length > 0) await checkFreed(lookNow);
    for (const { id } of found.leases) await client.release(id);
    report(context, flags, found, ends);
  } finally {
    closeTargets(targets);
  }
}

/** Looks, and pins the processes that listen. Where one has ended in between, it looks again. */
async function pinListeners(lookNow: () => Promise<Found>, url: string) {
  const pin = async () => {
    const found = await lookNow();
    if (found.leases.length === 0) return { found, targets: [] };
    return { found, targets: await openTargets(holderSockets(found), { port: found.wanted.port, url }) };
  };
  const mayPass = (error: unknown) => error instanceof UnverifiedError;
  return await retry(pin, { mostAttempts: MOST_LOOKS, pauseMs: 0, mayPass });
}

/**
 * The message where there is no lease.
 *
 * @throws {PortdError} `port_in_use` when something listens all the same, `lease_ended` for a lease that was named.
 */
function unleasedText({ wanted, listeners: [listener] }: Found): string {
  if ("id" in wanted) throw new PortdError("lease_ended", `Cannot free ${titleOf(wanted)}: it has ended`);
  const { port, protocols } = wanted;
  if (listener !== undefined) throw foreignListener(port, listener, { why: "without a lease" });
  const [only, ...others] = protocols;
  return `port ${port}${others.length === 0 ? `/${only}` : ""} is free already`;
}

function reportNothing({ process }: CliContext, { json }: FreeFlags, port: number | null, message: string): void {
  if (json) writeJson(process.stdout, { port, ended: [], released: [] });
  else writeLine(process.stderr, message);
}

async function ask(
  context: CliContext,
  { yes = false }: FreeFlags,
  { wanted: { port }, leases }: Found,
  targets: readonly Target[],
): Promise<void> {
  const names = leases.map(({ name, id }) => `"${escapeControls(name ?? id)}"`).join(" and ");
  const holders = leases.map((lease) => `leased  ${titleOf(lease)}, by ${lease.holder.id}`);
  const lines = [...targets.flatMap((target) => target.lines), ...holders];
  if (targets.length === 0) lines.unshift(`nobody listens on port ${port}`);
  const what = targets.length === 0 ? "Release" : `End ${targets.length === 1 ? "it" : "them"} and release`;
  const preface = lines.map((line) => `${escapeControls(line)}\n`).join("");
  await confirm(context, `${what} ${names}?`, { preface, yes });
}

/** @throws {Error} when somebody listens there again: the port is in use, so its lease stays. */
async function checkFreed(lookNow: () => Promise<Found>): Promise<void> {
  for (const pauseMs of [0, SUPERVISOR_MS]) {
    await pause(pauseMs);
    const { wanted: { port }, listeners: [listener] } = await lookNow();
    if (listener === undefined) continue;
    throw new Error(
      `Cannot free port ${port}: ${processText(listener)} listens there now; if a supervisor starts it again, stop ` +
        "that first; the lease is kept",
    );
  }
}

function report({ process }: CliContext, { json }: FreeFlags, { wanted, leases }: Found, ends: readonly End[]): void {
  if (json) {
    const ended = ends.map(({ pid, command, signal }) => ({ pid, command, signal }));
    return writeJson(process.stdout, { port: wanted.port, ended, released: leases.map(({ id }) => id) });
  }
  for (const lease of leases) writeLine(process.stderr, `released ${titleOf(lease)}`);
}
