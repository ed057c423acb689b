/** `portd run`: leases ports, runs a command with them, and releases them when it ends. */
import type { PortdClient } from "../../client/client.ts";
import type { LeaseRequest } from "../../client/wire.ts";
import { reasonOf } from "../../errors.ts";
import { HOLD_KINDS } from "../../hold/hold.ts";
import type { Lease } from "../../lease/lease.ts";
import { findProject, type Project } from "../../project/project.ts";
import type { openProcessHandle } from "../../terminate/open.ts";
import { argument, choiceFlag, COMMON_FLAGS, defineCommand, type FlagsOf, listFlag, parsedFlag } from "../command.ts";
import { type CliContext, given } from "../context.ts";
import { findDaemon, withTokenIfAsked } from "../daemon/find.ts";
import { parseDuration } from "../../duration.ts";
import { Ended, UsageError } from "../exit.ts";
import { grantFor, holderOf, nameIn, splitName, titleOf } from "../naming.ts";
import { parsePair, parsePort } from "../parse.ts";
import { type ChildEnd, runChild } from "../run/child.ts";
import { RunLeases, type WithToken } from "../run/leases.ts";
import { checkPlaceholders, fillPlaceholders, type NamedPort, portVariables } from "../run/placeholders.ts";
import { SignalRelay } from "../run/signal_relay.ts";
import { shorten, writeLine } from "../terminal.ts";

/** A command that fails so soon after its start may have found its port in use. */
const EARLY_MS = 10_000;
const MOST_RESTARTS = 3;
const KILL_AFTER_MS = 10_000;
const COMMAND_WIDTH = 200;
/** The exit codes of shells for a program that is not there, and for one that cannot be run. */
const NOT_FOUND = 127, NOT_EXECUTABLE = 126;

const FLAGS = {
  port: parsedFlag("N", "This port and no other, for one name", (text) => parsePort(text)),
  prefer: listFlag("N,N", "Ports to try before the pool, for one name", {
    parse: (text) => parsePort(text),
    separator: ",",
  }),
  hold: choiceFlag(HOLD_KINDS, "none: for servers without SO_REUSEADDR"),
  label: listFlag("k=v", "A label; may be given several times", { parse: parsePair }),
  killAfter: parsedFlag("10s", "How long the command may take to end after a signal (10s)", parseDuration),
  ...COMMON_FLAGS,
};

type RunFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  flags: FLAGS,
  args: argument("NAME", "A service, like web"),
  help: `Leases a port for each name, or one without a name, and runs the command. PORT is set to the first port and
<NAME>_PORT to each; {port} and {port:NAME} in the command are replaced. Signals and the exit code are passed on. Without
a terminal a signal goes to all that the command has started; what has not ended after --kill-after gets KILL. A command
that fails within ten seconds while something else listens on its port is started again with another port, at most three
times. The leases end with the command. If a daemon of the command still listens on a port, that lease is kept, and
stderr says so.`,
  usage: [
    "[NAME...] [FLAGS] -- COMMAND [ARGUMENTS]",
    { input: "web -- npm run dev", brief: "with PORT and WEB_PORT" },
    { input: "web api -- make dev WEB={port:web} API={port:api}", brief: "with two ports as arguments" },
    { input: "-- python3 -m http.server {port}", brief: "any port" },
  ],
  async run(context, flags, ...names) {
    const words = context.behindDashes ?? [];
    if (words.length === 0) {
      throw new UsageError("Cannot run: there is no command; write it after --, like: portd run web -- npm run dev");
    }
    const shortNames = names.map((name) => splitName(name).name);
    checkPlaceholders(words, shortNames);
    const project = findProject(context.cwd);
    const request = requestOf({ flags, names, words, project });
    const client = await findDaemon(context, flags);
    const withToken: WithToken = (work) => withTokenIfAsked(context, flags, client, work);
    const lease = () => withToken((client) => grantFor(client, request, project));
    using relay = new SignalRelay(context);
    const [leases] = await Promise.all([lease(), useKinship(context, relay)]);
    const killAfterMs = flags.killAfter ?? KILL_AFTER_MS;
    const session = { withToken, context, client, words, relay, shortNames, killAfterMs, lease, loadHandles };
    context.process.exitCode = await runWithPorts(session, leases);
  },
});

interface Session {
  readonly withToken: WithToken;
  readonly context: CliContext;
  readonly client: PortdClient;
  readonly words: readonly string[];
  readonly relay: SignalRelay;
  readonly shortNames: readonly string[];
  readonly killAfterMs: number;
  readonly lease: () => Promise<readonly Lease[]>;
  readonly loadHandles: () => Promise<typeof openProcessHandle>;
}

/** Where the OS says what a command has started. */
async function useKinship({ os, ownsProcess }: CliContext, relay: SignalRelay): Promise<void> {
  if (os === "windows") return;
  const { openKinship }: typeof import("../../kinship/open.ts") = await load("kinship");
  const kinship = await openKinship({ adopts: ownsProcess });
  if (kinship !== undefined) relay.use(kinship);
}

async function loadHandles(): Promise<typeof openProcessHandle> {
  const handle: typeof import("../../terminate/open.ts") = await load("handle");
  return handle.openProcessHandle;
}

/** main.ts says why the import chooses. */
function load(part: "kinship" | "handle") {
  return import(part === "kinship" ? "../../kinship/open.ts" : "../../terminate/open.ts");
}

/** @param granted is used by the first run of the command. */
async function runWithPorts(session: Session, granted: readonly Lease[]): Promise<number> {
  const { context, relay } = session;
  for (let restarts = 0;; restarts++) {
    const leases = new RunLeases(restarts === 0 ? granted : await session.lease(), session);
    let end: ChildEnd, lost: Lease | undefined;
    try {
      if (relay.exitCode !== undefined) return relay.exitCode;
      end = await runOnce(session, leases);
      await leases.keepUsed(end.family, { wasAskedToEnd: relay.exitCode !== undefined });
      const mayRestart = wasEarlyFailure(end) && relay.exitCode === undefined && !leases.areUsed;
      lost = mayRestart ? leases.findLost() : undefined;
    } finally {
      await leases.release();
    }
    if (lost === undefined || restarts === MOST_RESTARTS) return end.code;
    const message = `portd: something else listens on the port of ${titleOf(lost)}; starting again with another port`;
    writeLine(context.process.stderr, message);
  }
}

async function runOnce(session: Session, leases: RunLeases): Promise<ChildEnd> {
  const { context, words, relay, shortNames, killAfterMs } = session;
  const ports: NamedPort[] = leases.all.map(({ port }, i) => ({ name: shortNames[i], port }));
  const filled = fillPlaceholders(words, ports);
  try {
    return await runChild({ words: filled, env: portVariables(ports), killAfterMs }, relay);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    if (!isMissing && !(error instanceof Deno.errors.PermissionDenied)) throw error;
    const reason = isMissing ? "there is no such program" : reasonOf(error);
    writeLine(context.process.stderr, `portd: Cannot run ${filled[0]!}: ${reason}`);
    throw new Ended(isMissing ? NOT_FOUND : NOT_EXECUTABLE);
  }
}

function requestOf(
  { flags, names, words, project }: {
    readonly flags: RunFlags;
    readonly names: readonly string[];
    readonly words: readonly string[];
    readonly project: Project;
  },
): LeaseRequest {
  const { port, prefer, hold, label } = flags;
  if (names.length > 1 && (port !== undefined || prefer !== undefined)) {
    throw new UsageError("Cannot use --port or --prefer with several names: they are for one port");
  }
  const named = names.map((name) => nameIn(project, name));
  const projects = new Set(named.map((name) => name.project));
  if (projects.size > 1) throw new UsageError("Cannot lease for several projects at once: run a command for each");
  const wish = given({ port, prefer, hold });
  const text = ["portd run", ...names, "--", ...words].join(" ").replaceAll(/\p{Cc}/gu, " ");
  const [ownProject] = projects;
  return {
    ...given({ project: ownProject, labels: label && Object.fromEntries(label) }),
    ...(named.length > 1 ? { services: named.map(({ name }) => ({ name, ...wish })) } : { ...named[0], ...wish }),
    holder: { ...holderOf(project, shorten(text, COMMAND_WIDTH)), cwd: project.root },
    pid: Deno.pid,
    lifetime: { kind: "process" },
  };
}

function wasEarlyFailure({ code, ranMs }: ChildEnd): boolean {
  return code !== 0 && ranMs < EARLY_MS;
}
