/** `portd run`: leases ports, runs a command with them, and releases them when it ends. */
import type { PortdClient } from "../../client/client.ts";
import type { PortRequest } from "../../client/wire.ts";
import { HOLD_KINDS } from "../../hold/hold.ts";
import type { openGuard } from "../../hold/open.ts";
import type { Kinship } from "../../kinship/kinship.ts";
import type { Lease } from "../../lease/lease.ts";
import { findProject } from "../../project/project.ts";
import type { openProcessHandle } from "../../terminate/open.ts";
import { ADDRESS_FIELDS } from "../answer.ts";
import {
  choiceFlag,
  COMMON_FLAGS,
  defineCommand,
  type FlagsOf,
  listFlag,
  parsedFlag,
  SERVICE_NAME,
  switchFlag,
  textFlag,
} from "../command.ts";
import { type CliContext, given } from "../context.ts";
import { findDaemon, withTokenIfAsked } from "../daemon/find.ts";
import { parseDuration } from "../../duration.ts";
import { UsageError } from "../exit.ts";
import { titleOf } from "../naming.ts";
import { grantFor, holderOf } from "../../project/grant.ts";
import { parsePair, parsePort, parsePortOrVariable } from "../parse.ts";
import { type ChildEnd, EARLY_MS, runChild, StartError, wasEarlyFailure } from "../run/child.ts";
import { RunLeases, type WithToken } from "../run/leases.ts";
import { openSlot, type SlotVariables } from "../run/slot.ts";
import { checkPlaceholders, type NamedPort, portVariables, portWords } from "../run/placeholders.ts";
import { type CommandPlan, planCommand } from "../run/command_words.ts";
import { closeScope, type RunScope, SCOPE_FLAG, scopeOfRun } from "../run/scope.ts";
import type { MeetingParts } from "../run/if_running.ts";
import { SignalRelay } from "../run/signal_relay.ts";
import { type IsTaken, isTakenByListening, isTakenByProbe } from "../run/taken.ts";
import { findListening, findWantedPorts, portsRequest, type WantedPort, withSides } from "../run/wanted_ports.ts";
import { shorten, writeLine } from "../terminal.ts";

const MOST_RESTARTS = 3;
const KILL_AFTER_MS = 10_000;
const COMMAND_WIDTH = 200;
/** What may be done where the service listens already. */
const IF_RUNNING = ["fail", "attach", "restart"] as const;

const FLAGS = {
  name: textFlag("PROJECT/NAME", "The full name of one lease, without the project of this folder"),
  port: parsedFlag("N", "This port and no other, for one name; or the variable that has it", parsePortOrVariable),
  prefer: listFlag("N,N", "Ports to try before the pool, for one name", {
    parse: (text) => parsePort(text),
    separator: ",",
  }),
  hold: choiceFlag(HOLD_KINDS, "none: for servers without SO_REUSEADDR"),
  label: listFlag("k=v", "A label; may be given several times", { parse: parsePair }),
  scope: SCOPE_FLAG,
  ifRunning: choiceFlag(IF_RUNNING, "Where it listens already: fail (default), print its address, or end it first"),
  noInject: switchFlag("Leave the command of a dev server as it is"),
  killAfter: parsedFlag("10s", "How long the command may take to end after a signal (10s)", parseDuration),
  ...COMMON_FLAGS,
};

type RunFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  answer: { fields: ADDRESS_FIELDS },
  flags: FLAGS,
  args: SERVICE_NAME,
  help:
    `Leases a port for each name, and runs the command. Without a name it leases one for each service in the project's
portd.yaml, or any port where there is no such file. PORT is set to the first port and <NAME>_PORT to each, and then the
variables of portd.yaml; {port} and {port:NAME} in the command are replaced. Without them a known dev server that does not
take PORT, as Vite, gets its port by words at its end, and stderr says so. Signals and the exit code are passed on.
Without a terminal a signal goes to all that the command has started; what has not ended after --kill-after gets KILL. A
command that fails within ten seconds while something else listens on its port is started again with another port, at
most three times. One that cannot bind its port because portd holds it, as it does not set SO_REUSEADDR, is started
again with --hold none. The leases end with the command. If a daemon of the command still listens on a port, that lease
is kept, and stderr says so. Where a name listens already, nothing is started and the exit code is 4, unless
--if-running says otherwise. With --scope, all that the command and what it starts lease ends with it.`,
  usage: [
    "[NAME...] [FLAGS] -- COMMAND [ARGUMENTS]",
    { input: "web -- npm run dev", brief: "with PORT and WEB_PORT" },
    { input: "web api -- make dev WEB={port:web} API={port:api}", brief: "with two ports as arguments" },
    { input: "-- npm run dev", brief: "with all services of portd.yaml" },
    { input: "-- python3 -m http.server {port}", brief: "any port, where there is no portd.yaml" },
  ],
  async run(context, flags, ...names) {
    const words = context.behindDashes ?? [];
    if (words.length === 0) {
      throw new UsageError("Cannot run: there is no command; write it after --, like: portd run web -- npm run dev");
    }
    const project = findProject(context.cwd);
    const { prefer, hold, label } = flags, wish = given({ port: portOf(context, flags), prefer, hold });
    const main = await findWantedPorts(context, { project, names, fullName: flags.name, wish });
    checkPlaceholders(words, main.ports.map(({ named }) => named?.name));
    const { killAfter: killAfterMs = KILL_AFTER_MS, noInject = false, json = false } = flags;
    const plan = await planCommand(context, { words, first: main.ports[0]!, injects: !noInject });
    const wanted = await withSides(main, plan.sides, { project, wish }), { ports, owner } = wanted;
    const scope = scopeOfRun(context, flags.scope, label);
    const terms = {
      ...given({ labels: scope.labels }),
      holder: { ...holderOf(owner, commandOf(flags, names, words)), cwd: project.root },
      pid: Deno.pid,
      lifetime: { kind: "process" },
    } as const;
    const client = await findDaemon(context, flags);
    const withToken: WithToken = (work) => withTokenIfAsked(context, flags, client, work);
    const lease = (portFlags: PortRequest = {}) => {
      const request = { ...portsRequest(ports, portFlags), ...terms };
      return withToken((client) => grantFor(client, request, owner));
    };
    const listening = await findListening(client, main), running = { context, client, withToken, flags };
    if (listening.length > 0 && await isAnswered(listening, { ...running, ports: main.ports })) return;
    const slot = await openSlot(client, project, wanted, scope.used);
    using relay = new SignalRelay(context);
    const [leases, kinship, checks] = await Promise.all([lease(), useKinship(context, relay), loadChecks(context)]);
    const parts = { withToken, context, client, words, relay, ports, slot, scope, lease, kinship, loadHandles };
    const session = { ...parts, ...checks, plan, killAfterMs, json };
    try {
      context.process.exitCode = await runWithPorts(session, leases);
    } finally {
      await closeScope(scope, client, context);
    }
  },
});

/** @throws {UsageError} where the variable that is named has no port. */
function portOf({ env }: CliContext, { port }: RunFlags): number | undefined {
  try {
    return port?.(env);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`Cannot use --port: it ${error.message}`);
    throw error;
  }
}

/** Does what `--if-running` says. @returns whether the command is not to be started. */
async function isAnswered(
  listening: readonly Lease[],
  { flags: { ifRunning = "fail", json = false }, ...parts }: Omit<MeetingParts, "json"> & { readonly flags: RunFlags },
): Promise<boolean> {
  const { meetRunning }: typeof import("../run/if_running.ts") = await import("../run/if_running.ts" as string);
  return await meetRunning(listening, ifRunning, { ...parts, json });
}

interface Session extends Checks {
  readonly withToken: WithToken;
  readonly context: CliContext;
  readonly client: PortdClient;
  readonly words: readonly string[];
  readonly relay: SignalRelay;
  readonly ports: readonly WantedPort[];
  readonly slot: SlotVariables | undefined;
  readonly scope: RunScope;
  readonly plan: CommandPlan;
  readonly killAfterMs: number;
  readonly json: boolean;
  /** @param flags replace what the command line asks of each port. */
  readonly lease: (flags?: PortRequest) => Promise<readonly Lease[]>;
  readonly kinship: Kinship | undefined;
  readonly loadHandles: () => Promise<typeof openProcessHandle>;
}

/** Where the OS says what a command has started. */
async function useKinship({ os, ownsProcess }: CliContext, relay: SignalRelay): Promise<Kinship | undefined> {
  if (os === "windows") return undefined;
  const { openKinship }: typeof import("../../kinship/open.ts") = await load("kinship");
  const kinship = await openKinship({ adopts: ownsProcess });
  if (kinship !== undefined) relay.use(kinship);
  return kinship;
}

/** How a port is looked at, and kept until the command is started. */
interface Checks {
  readonly isTaken: IsTaken;
  readonly guard: ReturnType<typeof openGuard>;
}

async function loadChecks({ os }: CliContext): Promise<Checks> {
  if (os === "linux") return { isTaken: isTakenByListening, guard: undefined };
  const { openGuard, openHolds }: typeof import("../../hold/open.ts") = await load("holds");
  return { isTaken: isTakenByProbe(openHolds(undefined)), guard: openGuard() };
}

async function loadHandles(): Promise<typeof openProcessHandle> {
  const handle: typeof import("../../terminate/open.ts") = await load("handle");
  return handle.openProcessHandle;
}

/** main.ts says why the import chooses. */
function load(part: "kinship" | "handle" | "holds") {
  return import(
    part === "kinship" ? "../../kinship/open.ts" : part === "handle" ? "../../terminate/open.ts" : "../../hold/open.ts"
  );
}

/** @param granted is used by the first run of the command. */
async function runWithPorts(session: Session, granted: readonly Lease[]): Promise<number> {
  const { context, relay } = session;
  let flags: PortRequest = {};
  for (let restarts = 0;; restarts++) {
    const leases = new RunLeases(restarts === 0 ? granted : await session.lease(flags), session);
    const isLast = restarts === MOST_RESTARTS;
    let code = 1, again: Restart | undefined;
    try {
      if (relay.exitCode !== undefined) return relay.exitCode;
      again = isLast ? undefined : restartWithout(leases.lostBeforeStart);
      if (again === undefined) {
        const end = await runOnce(session, leases);
        code = end.code;
        await leases.keepUsed(end.family, { wasAskedToEnd: relay.exitCode !== undefined });
        const mayRestart = wasEarlyFailure(end) && relay.exitCode === undefined && !leases.areUsed &&
          !(end.refusal !== undefined && await leases.haveServed());
        again = mayRestart ? restartAfter(end, leases) : undefined;
        if (mayRestart && again === undefined) reportRefusal(end, leases, session);
      }
    } finally {
      await leases.release();
    }
    if (again === undefined || isLast) return code;
    writeLine(context.process.stderr, `portd: ${again.reason}`);
    flags = { ...flags, ...again.flags };
  }
}

/** Why a command is started again, and what is asked of its ports then. */
interface Restart {
  readonly reason: string;
  readonly flags: PortRequest;
}

function restartAfter({ refusal }: RunEnd, leases: RunLeases): Restart | undefined {
  const restart = restartWithout(leases.findLost());
  if (restart !== undefined) return restart;
  if (refusal?.held === undefined) return undefined;
  const held = leases.all.find(({ port }) => port === refusal.held)!;
  const why = "it may not set SO_REUSEADDR, without which no server can bind a port that portd holds, or it may have " +
    "asked for another port";
  const reason = `the command was refused a TCP port, and nobody listens on that of ${titleOf(held)}: ${why}`;
  return { reason: `${reason}; starting again with --hold none`, flags: { hold: "none" } };
}

/** Says what else there may be where no hold keeps the command from its port, and it was refused one all the same. */
function reportRefusal({ refusal }: RunEnd, { all }: RunLeases, { context, words }: Session): void {
  if (refusal === undefined) return;
  const ports = all.map(({ port }) => port).join(" or ");
  const why = `it may have asked for another port than ${ports}, which something else has`;
  const advice = `add what sets its port to the command, like: ${portWords(words.join(" "))}`;
  writeLine(context.process.stderr, `portd: the command was refused a TCP port: ${why}; ${advice}`);
}

/** @param lost is a lease whose port something else has taken, if there is one. */
function restartWithout(lost: Lease | undefined): Restart | undefined {
  if (lost === undefined) return undefined;
  return {
    reason: `something else listens on the port of ${titleOf(lost)}; starting again with another port`,
    flags: {},
  };
}

/** How a run of the command ended. */
interface RunEnd extends ChildEnd {
  /** Where the command failed early and was refused a TCP port, as far as the OS says: the port of it that portd holds. */
  readonly refusal: { readonly held: number | undefined } | undefined;
}

async function runOnce(session: Session, leases: RunLeases): Promise<RunEnd> {
  const { context, relay, killAfterMs, kinship } = session;
  const ports: NamedPort[] = leases.all.map(({ port }, i) => {
    const { named, variable } = session.ports[i]!;
    return { name: named?.name, variable, port };
  });
  const filled = session.plan.fill(ports);
  using binds = leases.all.some(({ protocols }) => protocols.includes("tcp")) ? kinship?.watchBinds() : undefined;
  // A server may run for days, and while they are watched every socket that is closed costs the kernel a message.
  if (binds !== undefined) AbortSignal.timeout(EARLY_MS).addEventListener("abort", () => binds[Symbol.dispose]());
  leases.letGo();
  try {
    const own = { ...session.scope.variables, ...filled.variables };
    const env = { ...portVariables(ports), ...session.slot?.(leases.all), ...own };
    const end = await runChild({ words: filled.words, env, killAfterMs }, relay);
    return { ...end, refusal: wasEarlyFailure(end) ? binds?.findRefusal(leases.held) : undefined };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const { startFailure }: typeof import("../run/start_failure.ts") = await import(
      "../run/start_failure.ts" as string
    );
    throw startFailure(error.cause, filled.words[0]!, { context, json: session.json });
  }
}

/** This command line, by which others recognise the holder. */
function commandOf({ name }: RunFlags, names: readonly string[], words: readonly string[]): string {
  const named = name === undefined ? names : ["--name", name];
  return shorten(["portd run", ...named, "--", ...words].join(" ").replaceAll(/\p{Cc}/gu, " "), COMMAND_WIDTH);
}
