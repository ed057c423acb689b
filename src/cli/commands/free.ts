/**
 * `portd free`: ends the process that listens on a leased port and belongs to the lease's holder, and releases the lease.
 *
 * The daemon reports which process listens. The command checks that itself, shows its own result, and ends the process
 * with the rights of the user who called it. So portd gives nobody more rights to end processes: no user can misuse a
 * daemon that runs as root, and no false daemon can make root end a process of its choice. free/listeners.ts
 * does the work, free/found.ts checks the daemon's answer; the client refuses an answer about another port.
 */
import type { PortdClient, Protocol } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import type { Having } from "../answer.ts";
import {
  COMMON_FLAGS,
  defineCommand,
  type FlagsOf,
  listFlag,
  NAME_OR_PORT,
  parsedFlag,
  switchFlag,
} from "../command.ts";
import { confirm } from "../confirm.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { parseDuration } from "../../duration.ts";
import { UsageError } from "../exit.ts";
import { type Caller, withSudo } from "../free/caller.ts";
import { foreignListener, type Found, refuseDaemon, strangers, type Wanted } from "../free/found.ts";
import { endListeners, lookNow, SUPERVISOR_MS, TIMEOUT_MS } from "../free/listeners.ts";
import { type End, endText, type Target } from "../free/targets.ts";
import { findLease, parseNameOrPort, titleOf } from "../naming.ts";
import { routerNotes } from "../release.ts";
import { parseCount } from "../parse.ts";
import { escapeControls, writeJson, writeLine } from "../terminal.ts";

const FLAGS = {
  yes: switchFlag("Do not ask for confirmation"),
  tcp: switchFlag("Only the TCP lease; with a port, not a name"),
  udp: switchFlag("Only the UDP lease; with a port, not a name"),
  force: switchFlag("End also what does not listen for a lease, after a question of its own; its lease stays"),
  pid: listFlag("PID", "With --force: end these processes and no others", { parse: parseCount, separator: "," }),
  timeout: parsedFlag("5s", "How long to wait after TERM before KILL (default 5s)", parseDuration),
  ...COMMON_FLAGS,
};

type FreeFlags = FlagsOf<typeof FLAGS>;

const FIELDS = ["port", "ended", "released"] as const;

export default defineCommand({
  answer: { fields: FIELDS },
  flags: FLAGS,
  args: [NAME_OR_PORT],
  help:
    `Ends the process that listens on a leased port and belongs to the lease's holder, and releases the lease. Asks for
confirmation first. The process gets TERM; if it still runs after --timeout, it gets KILL. A process that is only
connected to the port is never ended. If a process listens that does not belong to the holder, it is not ended: the
exit code is 4, and the message names that process and the command that ends it; with --force it is ended after you
have typed "yes", and the lease stays. The exit code is 6 when the process runs as another user.`,
  usage: [
    "NAME|PORT [--yes] [--tcp|--udp] [--force [--pid PID,PID]] [--timeout 5s]",
    { input: "web", brief: "shows the process on the port of web in this project, and asks before it ends it" },
    { input: "20417 --yes --timeout 30s", brief: "in a script; for a server that needs long to stop" },
    { input: "3000 --force", brief: "ends whatever listens on the port, after asking" },
  ],
  async run(context, flags, text) {
    const named = parseNameOrPort(text);
    if ("lease" in named && (flags.tcp || flags.udp)) {
      throw new UsageError(
        "Cannot use --tcp or --udp with a name: a lease has its own protocols; name the port instead",
      );
    }
    if (flags.pid !== undefined && !flags.force) throw new UsageError("Cannot use --pid without --force");
    const client = await findDaemon(context, flags);
    try {
      const wanted = "port" in named
        ? { port: named.port, protocols: protocolsOf(flags) }
        : await findLease(client, named, context.cwd);
      await free(context, flags, { client, wanted });
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) throw withSudo(error, wordsOf(text, flags), context);
      if (!(error instanceof PortdError) || error.code !== "lease_ended") throw error;
      reportNothing(context, flags, null, `${text} has ended already`);
    }
  },
});

/** The command line again, for a user with other rights. */
function wordsOf(text: string, { tcp, udp, force }: FreeFlags): string {
  const flags = [...(tcp ? ["--tcp"] : []), ...(udp ? ["--udp"] : []), ...(force ? ["--force"] : [])];
  return ["free", text, ...flags].join(" ");
}

function protocolsOf({ tcp, udp }: FreeFlags): readonly Protocol[] {
  return tcp === udp ? ["tcp", "udp"] : [tcp ? "tcp" : "udp"];
}

async function free(
  context: CliContext,
  flags: FreeFlags,
  { client, wanted }: { readonly client: PortdClient; readonly wanted: Wanted },
): Promise<void> {
  const foreign = flags.force ? await lookNow(client, wanted) : undefined;
  if (foreign !== undefined && strangers(foreign).length > 0) {
    return await force(context, flags, { found: foreign, client });
  }
  const { found, ends } = await endListeners({
    client,
    wanted,
    caller: context,
    timeoutMs: flags.timeout ?? TIMEOUT_MS,
    approve: (found, targets) => ask(context, flags, found, targets),
    say: (line) => {
      if (!flags.json) writeLine(context.process.stderr, line);
    },
  });
  if (found.leases.length === 0) return reportNothing(context, flags, wanted.port, unleasedText(found, context));
  for (const { id } of found.leases) await client.release(id);
  report(context, flags, found, ends);
}

/** Ends what does not listen for a lease. */
async function force(
  context: CliContext,
  flags: FreeFlags,
  { found, client }: { readonly found: Found; readonly client: PortdClient },
): Promise<void> {
  const { yes = false, pid: pids = [], timeout: timeoutMs = TIMEOUT_MS, json } = flags;
  const { awaitSeen, endStrangers }: typeof import("../free/force.ts") = await import("../free/force.ts" as string);
  const options = { yes, pids, timeoutMs, supervisorMs: SUPERVISOR_MS };
  const { ends, notes } = await endStrangers(context, found, options);
  const staying = await awaitSeen(client, found, ends);
  const lines = json ? [] : [...notes, ...ends.map(endText), ...staying];
  for (const line of lines) writeLine(context.process.stderr, line);
  if (json) report(context, flags, { ...found, leases: [] }, ends);
}

/**
 * The message for a port without a lease on which nothing listens.
 *
 * @throws {Error} when the daemon itself listens there.
 * @throws {PortdError} `port_in_use` when a process listens there, `lease_ended` when the user gave the name of a lease.
 */
function unleasedText(found: Found, caller: Caller): string {
  const { wanted, listeners: [listener] } = found;
  if ("id" in wanted) throw new PortdError("lease_ended", `Cannot free ${titleOf(wanted)}: it has ended`);
  const { port, protocols } = wanted;
  refuseDaemon(found);
  if (listener !== undefined) throw foreignListener(port, listener, { why: "without a lease", caller });
  const [first, ...others] = protocols;
  return `port ${port}${others.length === 0 ? `/${first}` : ""} has no lease, and nothing listens on it`;
}

function reportNothing({ process }: CliContext, { json }: FreeFlags, port: number | null, message: string): void {
  if (json) writeJson(process.stdout, { port, ended: [], released: [] } satisfies Having<typeof FIELDS>);
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

function report({ process }: CliContext, { json }: FreeFlags, { wanted, leases }: Found, ends: readonly End[]): void {
  if (json) {
    const ended = ends.map(({ pid, command, signal }) => ({ pid, command, signal }));
    const answer = { port: wanted.port, ended, released: leases.map(({ id }) => id) };
    return writeJson(process.stdout, answer satisfies Having<typeof FIELDS>);
  }
  for (const lease of leases) {
    for (const line of [`released ${titleOf(lease)}`, ...routerNotes(lease)]) writeLine(process.stderr, line);
  }
}
