/** `portd service status`: what the system says about the service, and whether its API answers. */
import { askPortd, type PortdAnswer } from "../../client/ask.ts";
import { flagValue, type ServiceLog, type ServiceStatus } from "../../service/service.ts";
import { readDaemonFile } from "../../state/state_folder.ts";
import { fieldsOf } from "../answer.ts";
import type { CliContext } from "../context.ts";
import { candidates } from "../daemon/places.ts";
import { EXIT } from "../exit.ts";
import { type Fact, writeFacts, writeJson } from "../terminal.ts";
import { openControl, serviceDirOf, type ServiceFlags } from "./steps.ts";

/** What is printed with `--json`. */
interface StatusAnswer extends ServiceStatus {
  readonly stateDir: string;
  readonly log: ServiceLog;
  readonly api: PortdAnswer | null;
}

/** Its fields. */
export const STATUS_FIELDS = fieldsOf<StatusAnswer>({
  state: true,
  pid: true,
  exitCode: true,
  startsAtBoot: true,
  command: true,
  definition: true,
  standardHandles: true,
  stateDir: true,
  log: true,
  api: true,
});

/** Prints the status; the exit code is 0 when the service runs and answers. */
export async function printStatus(context: CliContext, flags: ServiceFlags): Promise<void> {
  const control = await openControl(context, flags);
  const status = await control.status();
  const stateDir = serviceDirOf(context, flags, status);
  const log = control.log(stateDir);
  const api = status.pid === null ? undefined : await findApi(context, stateDir, status);
  const { process } = context;
  if (flags.json) writeJson(process.stdout, { ...status, stateDir, log, api: api ?? null } satisfies StatusAnswer);
  else writeFacts(process.stdout, rowsOf(status, { stateDir, log, api }));
  if (status.state !== "running" || !api?.isReady) process.exitCode = EXIT.failure;
}

/** Asks the address in `daemon.json`, or the expected one where this user may not read the state folder. */
async function findApi(
  context: CliContext,
  stateDir: string,
  { pid, command }: ServiceStatus,
): Promise<PortdAnswer | undefined> {
  const recorded = readDaemonFile(stateDir);
  const expected = candidates(context, { listen: flagValue(command, "--listen"), stateDir });
  for await (const url of recorded?.pid === pid ? [recorded!.url] : expected) {
    const found = await askPortd(url);
    const isOther = found === undefined || (found.pid ?? pid) !== pid;
    if (!isOther) return { ...found, version: found.version ?? recorded?.version ?? null };
  }
  return undefined;
}

function rowsOf(
  status: ServiceStatus,
  { stateDir, log, api }: {
    readonly stateDir: string;
    readonly log: ServiceLog;
    readonly api: PortdAnswer | undefined;
  },
): readonly Fact[] {
  const { state, pid, exitCode, startsAtBoot, command, definition, standardHandles } = status;
  if (state === "absent") return [["state", "not installed"]];
  return [
    ["state", pid === null ? state : `${state} (pid ${pid})`],
    ...(exitCode === null ? [] : [["exit code", String(exitCode)]] as const),
    ["at boot", startsAtBoot ? "starts" : "does not start"],
    ["command", command === null ? "unknown" : command.map(quoted).join(" ")],
    ["definition", definition ?? "unknown"],
    ["state dir", stateDir],
    ["log", log.kind === "file" ? log.path : log.command.join(" ")],
    ...(standardHandles === undefined ? [] : [["std handles", standardHandles.join(", ")]] as const),
    ["api", pid === null ? "-" : apiText(api)],
  ];
}

function apiText(api: PortdAnswer | undefined): string {
  if (api === undefined) return "does not answer";
  const { url, version, isReady } = api;
  return `${url}${isReady ? "" : ", not ready"}${version === null ? "" : `, portd ${version}`}`;
}

/** A word in quotes where its ends would not be seen. */
function quoted(word: string): string {
  return /^[^\s"']+$/.test(word) ? word : JSON.stringify(word);
}
